"""What differs between people: fat, sizes, places and enhancement, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from .shapes import Vector


@dataclass(frozen=True)
class Enhancement:
    """HU in the portal venous phase."""

    fat: float = -105.0
    muscle: float = 58.0
    skin: float = 5.0
    liver: float = 112.0
    spleen: float = 122.0
    kidney: float = 182.0
    pancreas: float = 103.0
    aorta: float = 162.0
    cava: float = 140.0
    portal: float = 168.0
    hepatic: float = 160.0
    wall: float = 85.0
    bile: float = 10.0
    adrenal: float = 68.0
    heart: float = 135.0
    tumour: float = 60.0
    lung: float = -850.0


@dataclass(frozen=True)
class Person:
    """One invented person.

    Parameters
    ----------
    fat_mm
        Thickness under the skin in front, at the sides, and behind.
    visceral_mm
        How much further out the abdominal wall lies than in a lean person.
    oral_contrast
        HU of what stomach and bowel hold beside gas.
    sizes
        Organ -> factor on its size; places: organ -> shift in mm.
    """

    fat_mm: Vector = (16.0, 18.0, 17.0)
    visceral_mm: float = 0.0
    oral_contrast: float = 25.0
    bowel_contrast: float = 25.0
    enhancement: Enhancement = field(default_factory=Enhancement)
    sizes: dict[str, float] = field(default_factory=dict)
    places: dict[str, Vector] = field(default_factory=dict)

    def size(self, organ: str) -> float:
        return self.sizes.get(organ, 1.0)

    def place(self, organ: str, x: float, y: float, z: float) -> Vector:
        """A point of an organ, moved to where this person has it."""
        dx, dy, dz = self.places.get(organ, (0.0, 0.0, 0.0))
        return (x + dx, y + dy, z + dz)


ORGANS = ("liver", "spleen", "right kidney", "left kidney", "gallbladder", "stomach", "pancreas", "aorta", "cava")
SHIFT_MM = {"right kidney": 5.0, "left kidney": 6.0, "stomach": 4.0, "gallbladder": 4.0, "pancreas": 3.0}
ORAL_CONTRASTS = (15.0, 40.0, 230.0)


def random_person(rng: np.random.Generator, spread: float = 1.0) -> Person:
    """A person; with `spread` 0 always the same average one."""
    thick = float(np.exp(spread * np.clip(rng.normal(0, 0.35), -0.9, 0.8)))
    average = Person()
    front, side, back = (f * thick * (1 + spread * rng.uniform(-0.15, 0.15)) for f in average.fat_mm)
    sizes = {o: 1 + spread * float(np.clip(rng.normal(0, 0.05), -0.1, 0.1)) for o in ORGANS}
    sizes["stomach"] = 1 + spread * float(rng.uniform(-0.25, 0.2))
    places = {o: tuple((spread * rng.uniform(-1, 1, 3) * mm).tolist()) for o, mm in SHIFT_MM.items()}
    contrast = rng.choice(ORAL_CONTRASTS, size=2) if spread > 0 else (25.0, 25.0)
    return Person(
        fat_mm=(front, side, back),
        visceral_mm=spread * float(rng.uniform(-3, 8)),
        oral_contrast=float(contrast[0]),
        bowel_contrast=float(contrast[1]),
        enhancement=_random_enhancement(rng, spread),
        sizes=sizes,
        places=places,
    )


def _random_enhancement(rng: np.random.Generator, spread: float) -> Enhancement:
    """More or less contrast medium for everything, and each organ's own difference."""
    base = Enhancement()
    blood = 1 + spread * float(np.clip(rng.normal(0, 0.1), -0.2, 0.2))
    enhanced = ("liver", "spleen", "kidney", "pancreas", "aorta", "cava", "portal", "hepatic", "heart")
    values = {name: getattr(base, name) * blood + spread * float(rng.normal(0, 5)) for name in enhanced}
    plain = ("fat", "muscle", "wall", "bile", "adrenal")
    values |= {name: getattr(base, name) + spread * float(rng.normal(0, 4)) for name in plain}
    return replace(base, **values)
