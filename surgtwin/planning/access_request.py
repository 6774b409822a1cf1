"""What is asked of automatic access: a target, a tool, and what must be kept clear on the way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..domain.geometry import Point3
from ..domain.labels import Structure
from ..domain.structure_rows import ABNORMAL
from ..domain.tool import NeedleTool
from ..domain.trajectory import Avoid, Trajectory
from ..errors import PlanError
from .structure_roles import is_wrapping, present
from .twin_geometry import TwinGeometry

DIRECTIONS = 10_000
MOST_DIRECTIONS = 200_000
LEAST_SHARE_AROUND = 0.3
"""An organ that makes up this share of the voxels right around a lesion is the one the lesion lies in."""


@dataclass(frozen=True)
class AccessRequest:
    """A search for ways to a target.

    Parameters
    ----------
    target_mm, target_name
        Where the tip goes; the name is empty if the target is a mere point.
    avoid
        Clearances by structure. Every other structure is forbidden (0 mm), but for those that hold the target, body,
        skin, fat and muscle, and those in `crossable` and `through`.
    crossable
        Structures that may be crossed.
    through
        Structures that must be crossed.
    directions
        How many ways are looked at, evenly all around the target.
    """

    target_mm: Point3
    tool: NeedleTool
    target_name: str = ""
    avoid: tuple[Avoid, ...] = ()
    crossable: tuple[str, ...] = ()
    through: tuple[str, ...] = ()
    max_skin_angle_deg: float | None = None
    min_bridge_mm: float | None = None
    directions: int = DIRECTIONS

    def __post_init__(self) -> None:
        if not 100 <= self.directions <= MOST_DIRECTIONS:
            raise PlanError(
                f"100 to {MOST_DIRECTIONS} directions can be looked at; found {self.directions}.", "directions"
            )

    def trajectory(self, name: str, entry_mm: Point3, clearances: dict[str, float]) -> Trajectory:
        """A way from an entry that keeps all that was asked for, to be judged exactly."""
        return Trajectory(
            name, entry_mm, self.target_mm, self.tool,
            avoid=tuple(Avoid(s, mm) for s, mm in clearances.items()),
            through=self.through,
            max_skin_angle_deg=self.max_skin_angle_deg,
            min_bridge_mm=self.min_bridge_mm,
        )  # fmt: skip


@dataclass(frozen=True)
class Surroundings:
    """What the target lies in (`holders`, wholes included), the lesion among them, and the organ around that."""

    holders: tuple[str, ...]
    lesion: str
    organ: str


def surroundings(geometry: TwinGeometry, request: AccessRequest) -> Surroundings:
    """What a target lies in, by the labels at its voxel, by what those are parts of, and by what lies around them.

    Raises
    ------
    PlanError
        If the target lies outside the image.
    """
    labels = geometry.twin.labels
    i, j, k = (int(n) for n in np.rint(labels.grid.to_ijk(request.target_mm)))
    if not all(0 <= n < count for n, count in zip((i, j, k), labels.grid.size_ijk, strict=True)):
        low, high = labels.grid.corners().min(0), labels.grid.corners().max(0)
        box = ", ".join(f"{a:.0f} to {b:.0f}" for a, b in zip(low, high, strict=True))
        raise PlanError(f"the target lies outside the image, which covers LPS {box} mm.", "target")
    there = [
        s for s in present(geometry.twin) if not is_wrapping(s) and int(labels.layers[s.layer][k, j, i]) == s.label
    ]
    there.sort(key=labels.voxels)
    if not there:
        return Surroundings((), "", "")
    innermost, wholes = there[0], _wholes(there[0], geometry)
    outer = [s.name for s in there[1:]] + [w for w in wholes if w not in {s.name for s in there}]
    is_lesion = innermost.code is None or innermost.code.value in ABNORMAL
    around = _around(geometry, innermost) if is_lesion and not outer else ""
    holders = tuple(dict.fromkeys((innermost.name, *outer, *([around] if around else []))))
    is_inner = len(holders) > 1
    return Surroundings(holders, innermost.name if is_inner else "", holders[-1])


def needed_clearances(geometry: TwinGeometry, request: AccessRequest, place: Surroundings) -> dict[str, float]:
    """The clearance of every structure that is to be kept clear, mm.

    Raises
    ------
    PlanError
        If the request names a structure that is not there, or asks to avoid and to cross the same one.
    """
    there = {s.name for s in present(geometry.twin)}
    asked = {"crossable": request.crossable, "through": request.through}
    for field, names in (asked | {"avoid": tuple(a.structure for a in request.avoid)}).items():
        for name in names:
            if geometry.structure(name, field).name not in there:
                raise PlanError(f"'{name}' was not found in this twin's image: it has no voxel.", field)
    free = {*place.holders, *request.crossable, *request.through}
    needed = {s.name: 0.0 for s in geometry.measurable() if not is_wrapping(s) and s.name not in free}
    for avoid in request.avoid:
        if avoid.structure in {*request.crossable, *request.through}:
            raise PlanError(f"'{avoid.structure}' is to be avoided and to be crossed; choose one.", "avoid")
        if avoid.structure in place.holders:
            raise PlanError(f"the target lies in '{avoid.structure}', which therefore can't be avoided.", "avoid")
        geometry.require_surface(avoid.structure, "avoid")
        needed[avoid.structure] = avoid.clearance_mm
    return needed


def _wholes(structure: Structure, geometry: TwinGeometry) -> list[str]:
    known = {s.name: s for s in present(geometry.twin)}
    found: list[str] = []
    part_of = structure.part_of
    while part_of in known and part_of not in found and not is_wrapping(known[part_of]):
        found.append(part_of)
        part_of = known[part_of].part_of
    return found


def _around(geometry: TwinGeometry, structure: Structure) -> str:
    """The structure that most of the voxels right around another belong to; empty if none has enough of them."""
    from scipy.ndimage import binary_dilation

    labels = geometry.twin.labels
    layer = labels.layers[structure.layer]
    where = np.nonzero(layer == structure.label)
    box = tuple(slice(max(int(w.min()) - 1, 0), int(w.max()) + 2) for w in where)
    own = layer[box] == structure.label
    rim = layer[box][binary_dilation(own) & ~own]
    counts = np.bincount(rim)
    for s in sorted(present(geometry.twin), key=lambda s: -(counts[s.label] if s.label < len(counts) else 0)):
        if s.layer == structure.layer and not is_wrapping(s) and s.label < len(counts):
            return s.name if counts[s.label] >= LEAST_SHARE_AROUND * len(rim) else ""
    return ""
