"""Figures of a tumour in a kidney: its contact with the parenchyma, and the R.E.N.A.L. score computed from geometry.

Points after Kutikov & Uzzo, J Urol 182, 2009, table 1. They are read off slices by a person there; here each figure is
measured in 3D, and withheld with the reason where the twin does not hold what it needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from ..domain.geometry import FloatArray
from ..domain.plan import Resection
from ..domain.structure_rows import LEFT, RIGHT
from ..errors import PlanError
from .contact_area import contact_with
from .kidney_frame import KidneyFrame, kidney_frame
from .outgrowth import outgrown_percent
from .tissue import Tissue, half_diagonal_mm, organ_members, tissue_of_mask
from .twin_geometry import TwinGeometry

KIDNEY_CODE = "64033007"
SINUS_WORDS = ("collecting system", "renal pelvis", "renal sinus", "calyces", "kidney pelvis", "kidney sinus")
HILAR_WORDS = ("renal artery", "renal vein")
DIAMETER_MM = (40.0, 70.0)
NEAR_MM = (4.0, 7.0)
HALF_PERCENT = 50.0
NOTHING_PERCENT = 1.0
"""Shares of a tumour below this are the voxels' own error: nothing of it lies there."""
ONE_SIDED_PERCENT = 60.0
"""So much of a tumour must lie before (behind) the coronal plane to call it anterior (posterior); else "x"."""


@dataclass(frozen=True)
class RenalScore:
    """R.E.N.A.L. points; None where withheld, with the reason in `withheld` under its letter.

    Parameters
    ----------
    radius, exophytic, nearness, location
        The points of R, E, N and L.
    face
        A: "a" anterior, "p" posterior, "x" neither; no points.
    is_hilar
        Whether the tumour touches the main renal artery or vein (suffix "h"); None if neither is in the twin.
    """

    radius: int
    exophytic: int | None
    nearness: int | None
    face: str
    location: int | None
    is_hilar: bool | None
    withheld: dict[str, str] = field(default_factory=dict)

    @property
    def range(self) -> tuple[int, int]:
        """The least and the greatest total that the withheld points leave possible; equal if none is withheld."""
        known = [p for p in (self.radius, self.exophytic, self.nearness, self.location) if p is not None]
        missing = 4 - len(known)
        return sum(known) + missing, sum(known) + 3 * missing

    @property
    def total(self) -> int | None:
        """4 to 6 low, 7 to 9 moderate, 10 to 12 high complexity; None if points are withheld."""
        low, high = self.range
        return low if low == high else None

    @property
    def complexity(self) -> str | None:
        """ "low", "moderate" or "high"; None if the withheld points leave it open."""
        words = {"low" if t <= 6 else "moderate" if t <= 9 else "high" for t in self.range}
        return words.pop() if len(words) == 1 else None


@dataclass(frozen=True)
class KidneyTumour:
    """A target in a kidney.

    Parameters
    ----------
    contact_mm2, contact_percent
        Surface of the tumour inside the parenchyma (Leslie et al. 2014), and its share of the tumour's surface.
    diameter_mm
        Greatest, in any direction.
    exophytic_percent
        Of the volume, beyond the outline that the kidney would have without the tumour.
    sinus_mm
        Least distance from the collecting system or sinus; 0 where it touches.
    between_poles_percent
        Of the volume, between the polar lines.
    """

    target: str
    contact_mm2: float
    contact_percent: float
    diameter_mm: float
    exophytic_percent: float | None
    sinus_mm: float | None
    front_percent: float
    between_poles_percent: float | None
    score: RenalScore


def is_kidney(geometry: TwinGeometry, organ: str) -> bool:
    """Whether the structure table knows an organ's name as a kidney."""
    code = geometry.structure(organ, "organ").code
    return code is not None and code.value == KIDNEY_CODE


def kidney_tumours(geometry: TwinGeometry, resections: Sequence[Resection]) -> tuple[KidneyTumour, ...]:
    """The figures of every target of resections of one kidney. Raises PlanError if a target has no voxels."""
    organ = resections[0].organ
    targets = tuple(dict.fromkeys(t for r in resections for t in r.targets))
    if not targets:
        return ()
    tumours = geometry.tissue(tuple(dict.fromkeys(t for r in resections for t in geometry.tumours(r))))
    members = organ_members(geometry.twin.labels, organ, tuple(i for r in resections for i in r.includes))
    whole = geometry.tissue(members)
    own = whole.mask() & ~tumours.mask() & ~_sinus_mask(geometry, members, whole)
    parenchyma = tissue_of_mask(whole.grid, own, (f"{organ} without {', '.join(tumours.names)}",))
    frame = kidney_frame(parenchyma, tumours, _medial(geometry, organ))
    return tuple(_tumour(geometry, organ, target, parenchyma, frame) for target in targets)


def _tumour(geometry: TwinGeometry, organ: str, target: str, parenchyma: Tissue, frame: KidneyFrame) -> KidneyTumour:
    surface, voxels = geometry.surface(target), geometry.tissue((target,))
    contact = contact_with(surface.mesh, parenchyma)
    diameter = _diameter_mm(np.asarray(surface.mesh.vertices_mm))
    outgrown = outgrown_percent(surface, voxels, geometry.tissue_mesh(parenchyma), contact)
    sinus = _least_distance(geometry, target, _of_side(geometry, organ, SINUS_WORDS))
    hilar = _least_distance(geometry, target, _of_side(geometry, organ, HILAR_WORDS))
    points = voxels.points_mm()
    front = 100.0 * float(((points - parenchyma.points_mm().mean(0)) @ frame.front > 0).mean())
    between, location = _location(points @ frame.axis, frame.polar_mm)
    withheld = _reasons(organ, outgrown is None, sinus is None, location is None)
    score = RenalScore(
        _steps(diameter, DIAMETER_MM), _exophytic_points(outgrown), None if sinus is None else _nearness_points(sinus),
        _face(front), location, None if hilar is None else hilar <= 2.0 * half_diagonal_mm(voxels.grid), withheld,
    )  # fmt: skip
    return KidneyTumour(target, contact.area_mm2, contact.percent, diameter, outgrown, sinus, front, between, score)


def _reasons(organ: str, no_outline: bool, no_sinus: bool, no_poles: bool) -> dict[str, str]:
    found = {}
    if no_outline:
        found["e"] = f"too little capsule of '{organ}' is left around the tumour to tell its outline"
    if no_sinus:
        found["n"] = f"the twin has no collecting system or sinus of '{organ}'; mark one and name it so"
    if no_poles:
        found["l"] = f"no sinus opens the medial side of '{organ}', so it has no polar lines; leave the sinus out of it"
    return found


def _steps(value: float, limits: tuple[float, float]) -> int:
    """1 up to the first limit, 3 from the second on, 2 between them."""
    return 1 if value <= limits[0] else 3 if value >= limits[1] else 2


def _nearness_points(mm: float) -> int:
    return 4 - _steps(mm, NEAR_MM)


def _exophytic_points(percent: float | None) -> int | None:
    if percent is None:
        return None
    return 1 if percent >= HALF_PERCENT else 2 if percent >= NOTHING_PERCENT else 3


def _face(front_percent: float) -> str:
    if front_percent >= ONE_SIDED_PERCENT:
        return "a"
    return "p" if front_percent <= 100.0 - ONE_SIDED_PERCENT else "x"


def _location(heights: FloatArray, polar_mm: tuple[float, float] | None) -> tuple[float | None, int | None]:
    """Share of a tumour between the polar lines in percent, and its points. The midline is half way between them."""
    if polar_mm is None:
        return None, None
    low, high = polar_mm
    middle = (low + high) / 2.0
    between = 100.0 * float(((heights > low) & (heights < high)).mean())
    above_middle = 100.0 * float((heights > middle).mean())
    crosses_middle = NOTHING_PERCENT < above_middle < 100.0 - NOTHING_PERCENT
    if between <= NOTHING_PERCENT and not crosses_middle:
        return between, 1
    return between, 3 if crosses_middle or between > HALF_PERCENT else 2


def _diameter_mm(points: FloatArray) -> float:
    return float(pdist(points[ConvexHull(points).vertices]).max())


def _medial(geometry: TwinGeometry, organ: str) -> FloatArray | None:
    """LPS direction from a kidney to the midline; None if its side is not known."""
    side = geometry.structure(organ).laterality
    if side not in (LEFT, RIGHT):
        return None
    return np.array([-1.0 if side == LEFT else 1.0, 0.0, 0.0])


def _of_side(geometry: TwinGeometry, organ: str, words: tuple[str, ...]) -> tuple[str, ...]:
    """Structures with voxels whose names hold one of some words, but not those of the other kidney."""
    side = geometry.structure(organ).laterality
    labels = geometry.twin.labels
    return tuple(
        s.name
        for s in labels.structures
        if any(w in s.name.lower().replace("_", " ") for w in words)
        and labels.voxels(s)
        and (side is None or _side_of(s.name, s.laterality) in (None, side))
    )


def _side_of(name: str, laterality: object) -> object:
    """A structure's stated side, or the one its name holds."""
    if laterality is not None:
        return laterality
    words = name.lower().replace("_", " ").split()
    return LEFT if "left" in words else RIGHT if "right" in words else None


def _sinus_mask(geometry: TwinGeometry, members: tuple[str, ...], whole: Tissue) -> NDArray[np.bool_]:
    """[k, j, i] what of the kidney's tissue is sinus or collecting system, not parenchyma."""
    names = [n for n in members if any(w in n.lower().replace("_", " ") for w in SINUS_WORDS)]
    mask = np.zeros(whole.grid.shape, dtype=bool)
    for name in names:
        mask |= geometry.twin.labels.mask(name)
    return mask


def _least_distance(geometry: TwinGeometry, target: str, names: tuple[str, ...]) -> float | None:
    """Least distance of a tumour's surface from structures, 0 where they touch; None if there are none."""
    found = []
    points = np.asarray(geometry.surface(target).mesh.vertices_mm)
    for name in names:
        try:
            found.append(max(float(geometry.surface(name).at(points).min()), 0.0))
        except PlanError:
            continue
    return min(found) if found else None
