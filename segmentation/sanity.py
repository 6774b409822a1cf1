"""Checks after each run: is right right, is the spine behind, is anything cut off, too small, too large, scattered?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.labels import LabelMap

VOLUME_RANGE_ML: dict[str, tuple[float, float]] = {
    "liver": (600.0, 3500.0),
    "spleen": (40.0, 1200.0),
    "right kidney": (60.0, 400.0),
    "left kidney": (60.0, 400.0),
    "gallbladder": (2.0, 150.0),
    "stomach": (40.0, 1800.0),
    "pancreas": (20.0, 200.0),
    "aorta": (15.0, 500.0),
    "inferior vena cava": (15.0, 250.0),
    "portal and splenic vein": (5.0, 120.0),
    "oesophagus": (3.0, 90.0),
    "right adrenal": (0.8, 15.0),
    "left adrenal": (0.8, 15.0),
}
"""What adults' organs usually measure, diseased ones included; outside is worth a look, not an error."""

RIGHT_OF: tuple[tuple[str, str], ...] = (
    ("liver", "spleen"),
    ("liver", "stomach"),
    ("right kidney", "left kidney"),
    ("right adrenal", "left adrenal"),
    ("inferior vena cava", "aorta"),
)
"""The first lies to the patient's right of the second."""
ABOVE: tuple[tuple[str, str], ...] = (("liver", "right kidney"), ("spleen", "left kidney"))
BEHIND: tuple[tuple[str, str], ...] = (("bone", "stomach"), ("bone", "pancreas"), ("left kidney", "stomach"))
"""The first lies towards the back of the second; bone is spine for the most part."""
ORDER_TOLERANCE_MM = 5.0
MIN_JUDGED_ML = 1.0
LARGEST_PIECE_SHARE = 0.9
EDGE_VOXELS = 20


@dataclass(frozen=True)
class Placed:
    """A structure with voxels: volume, and what its voxel indices say."""

    name: str
    volume_ml: float
    centre_mm: npt.NDArray[np.float64]
    mask: npt.NDArray[np.bool_]

    @cached_property
    def largest_share(self) -> float:
        """The share of the voxels that lie in the largest piece."""
        import cc3d

        pieces = cc3d.connected_components(self.mask, connectivity=26)
        counts = np.bincount(pieces.ravel())[1:]
        return float(counts.max() / counts.sum())


def check_segmentation(labels: LabelMap, expected: Sequence[str]) -> list[Finding]:
    """Return everything about a segmentation that a person should look at.

    Parameters
    ----------
    expected
        Names of the structures that the network can find.
    """
    placed = place_structures(labels)
    by_name = {p.name: p for p in placed}
    findings = check_order(by_name)
    for name in expected:
        if name not in by_name:
            message = f"No {name} was found."
            findings.append(Finding("structure-absent", Severity.WARNING, message, structure=name))
    for structure in placed:
        if structure.name in expected:
            findings += check_volume(structure) + check_pieces(structure)
            findings += check_edges(structure, labels)
    return findings


def place_structures(labels: LabelMap) -> list[Placed]:
    """Return the structures of layer 0 that have voxels, each with its mask cut to its box."""
    from scipy import ndimage

    layer = labels.layers[0]
    boxes = ndimage.find_objects(layer)
    placed = []
    for structure in labels.structures:
        if structure.layer or structure.label > len(boxes) or boxes[structure.label - 1] is None:
            continue
        box = boxes[structure.label - 1]
        mask = layer[box] == structure.label
        placed.append(_place(structure.name, mask, box, labels))
    return placed


def _place(name: str, mask: npt.NDArray[np.bool_], box: tuple[slice, ...], labels: LabelMap) -> Placed:
    indices = np.argwhere(mask).mean(axis=0) + [s.start for s in box]
    centre = labels.grid.to_lps(indices[::-1])
    volume = float(np.count_nonzero(mask)) * labels.grid.voxel_volume_ml
    return Placed(name, volume, centre, mask)


def check_order(placed: dict[str, Placed]) -> list[Finding]:
    """Return findings about left and right, front and back, head and feet."""
    rules: list[tuple[str, str, int, int, str]] = []
    rules += [(a, b, 0, -1, "to the right of") for a, b in RIGHT_OF]
    rules += [(a, b, 2, 1, "above") for a, b in ABOVE]
    rules += [(a, b, 1, 1, "behind") for a, b in BEHIND]
    findings = []
    for first, second, axis, sign, words in rules:
        a, b = placed.get(first), placed.get(second)
        if a is None or b is None or min(a.volume_ml, b.volume_ml) < MIN_JUDGED_ML:
            continue
        offset = float(sign * (a.centre_mm[axis] - b.centre_mm[axis]))
        if offset < -ORDER_TOLERANCE_MM:
            message = (
                f"The {first} is not {words} the {second} (off by {-offset:.0f} mm). The series may be flipped, the "
                "anatomy mirrored (situs inversus), or the segmentation wrong: check before use."
            )
            findings.append(Finding("unusual-position", Severity.ERROR, message, numbers={"offset_mm": -offset}))
    return findings


def check_volume(structure: Placed) -> list[Finding]:
    """Return a finding if the volume is unlike an adult's organ."""
    low, high = VOLUME_RANGE_ML.get(structure.name, (0.0, float("inf")))
    if low <= structure.volume_ml <= high:
        return []
    message = f"The {structure.name} measures {structure.volume_ml:.0f} mL; usual are {low:g} to {high:g} mL."
    return [
        Finding(
            "unusual-volume",
            Severity.WARNING,
            message,
            numbers={"volume_ml": structure.volume_ml},
            structure=structure.name,
        )
    ]


def check_pieces(structure: Placed) -> list[Finding]:
    """Return a finding if a noticeable share lies apart from the largest piece."""
    share = structure.largest_share
    if share >= LARGEST_PIECE_SHARE:
        return []
    message = f"The {structure.name} is scattered: its largest piece holds {share:.0%} of it."
    return [Finding("scattered", Severity.WARNING, message, numbers={"largest_share": share}, structure=structure.name)]


def check_edges(structure: Placed, labels: LabelMap) -> list[Finding]:
    """Return a finding if the scan's edge cuts the structure; its volume is then a lower bound."""
    value = labels.structure(structure.name).label
    layer = labels.layers[0]
    for axis in range(3):
        for end, index in (("first", 0), ("last", -1)):
            plane: npt.NDArray[Any] = np.take(layer, index, axis=axis)
            count = int(np.count_nonzero(plane == value))
            if count > EDGE_VOXELS and layer.shape[axis] > 1:
                side = _side_of(labels, axis, end == "last")
                message = f"The {structure.name} is cut by the {side} edge of the scan; its volume is a lower bound."
                return [
                    Finding(
                        "cut-by-edge",
                        Severity.INFO,
                        message,
                        numbers={"edge_voxels": float(count)},
                        structure=structure.name,
                    )
                ]
    return []


def _side_of(labels: LabelMap, axis: int, is_last: bool) -> str:
    from surgtwin.domain.geometry import direction_letter

    direction = labels.grid.direction[:, 2 - axis] * (1 if is_last else -1)
    words = {"L": "left", "R": "right", "P": "back", "A": "front", "S": "upper", "I": "lower"}
    return words[direction_letter(direction)]
