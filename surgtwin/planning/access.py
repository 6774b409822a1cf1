"""Every way to a target: which are allowed, why the others are not, and how good each is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from ..domain.finding import Finding, Severity
from ..domain.geometry import FloatArray, Point3
from ..domain.verdict import COVERAGE_FACTOR, ErrorTerms
from ..errors import PlanError
from ..progress import SILENT, Progress
from .access_obstacles import Nearness, Obstacles, gather_obstacles, walk_clear
from .access_request import AccessRequest, Surroundings, needed_clearances, surroundings
from .access_skin import Inside, Ways, even_directions, skin_normals, walk
from .settings import DEFAULT_PLANNING, PlanningSettings
from .structure_roles import body_of
from .surface_checks import no_surface_findings
from .twin_geometry import TwinGeometry


class Access(IntEnum):
    """What is said of a way; the first reason that applies."""

    ALLOWED = 0
    LEAVES_SCAN = 1
    TOO_FAR = 2
    BODY_AGAIN = 3
    NOT_THROUGH = 4
    THIN_BRIDGE = 5
    TOO_FLAT = 6
    TOO_CLOSE = 7

    @property
    def text(self) -> str:
        return {
            Access.ALLOWED: "allowed",
            Access.LEAVES_SCAN: "leaves the scan before the skin",
            Access.TOO_FAR: "the tool does not reach the skin",
            Access.BODY_AGAIN: "another part of the body is in the way of the tool",
            Access.NOT_THROUGH: "does not cross what it must",
            Access.THIN_BRIDGE: "too little tissue before the target",
            Access.TOO_FLAT: "too flat to the skin",
            Access.TOO_CLOSE: "too close to a structure",
        }[self]


@dataclass(frozen=True, eq=False)
class AccessMap:
    """All ways that were looked at, one row a direction.

    Parameters
    ----------
    directions
        (N, 3) unit vectors from the target outward.
    access
        (N,) of `Access`.
    length_mm
        (N,) from skin to target; NaN where the way does not come out within the tool's reach.
    clearance_mm, slack_mm
        (N,) to the structure that leaves the least beyond what it needs, and that rest. Surely not less than said: what
        the search may miss, `error_mm`, is taken off. NaN where a way was ruled out before it was measured.
    nearest
        (N,) number in `structures`, -1 where none is near. Of ways too close: what they meet.
    skin_angle_deg
        (N,) to the skin's normal; NaN as before.
    risk
        (N,) chance that placement errors break a distance, by the normal distribution at the worst place.
    """

    request: AccessRequest
    place: Surroundings
    needed_mm: dict[str, float]
    structures: tuple[str, ...]
    directions: FloatArray
    access: NDArray[np.uint8]
    length_mm: FloatArray
    clearance_mm: FloatArray
    slack_mm: FloatArray
    nearest: NDArray[np.int32]
    skin_angle_deg: FloatArray
    risk: FloatArray
    error_mm: float
    terms: ErrorTerms
    findings: tuple[Finding, ...] = ()

    @property
    def allowed(self) -> NDArray[np.bool_]:
        return np.asarray(self.access == Access.ALLOWED)

    @property
    def proven(self) -> NDArray[np.bool_]:
        """(N,) allowed, and by more than the errors of the distances."""
        return np.asarray(self.allowed & (self.slack_mm >= COVERAGE_FACTOR * self.terms.combined_mm))

    def entry_mm(self, row: int) -> Point3:
        """Where a way comes through the skin."""
        x, y, z = (float(c) for c in np.asarray(self.request.target_mm) + self.length_mm[row] * self.directions[row])
        return (x, y, z)

    def counts(self) -> dict[Access, int]:
        """How many ways there are of each kind."""
        return {kind: int(np.count_nonzero(self.access == kind)) for kind in Access}

    def blocked_by(self) -> dict[str, int]:
        """How many ways each structure blocks, most first."""
        blocking = self.nearest[(self.access == Access.TOO_CLOSE) & (self.nearest >= 0)]
        counts = np.bincount(blocking, minlength=len(self.structures))
        return {self.structures[n]: int(counts[n]) for n in np.argsort(-counts, kind="stable") if counts[n]}


def map_access(
    geometry: TwinGeometry,
    request: AccessRequest,
    settings: PlanningSettings = DEFAULT_PLANNING,
    progress: Progress = SILENT,
) -> AccessMap:
    """All ways to a target within a tool's reach.

    Raises
    ------
    PlanError
        If the twin has no body, the target lies outside of it, or a structure asked for is not there.
    Cancelled
        When asked to stop through ``progress``.
    """
    place = surroundings(geometry, request)
    inside = _body(geometry, request)
    needed = needed_clearances(geometry, request, place)
    target, directions = np.asarray(request.target_mm), even_directions(request.directions)
    progress.update(0.0, "skin")
    wanted = tuple(dict.fromkeys((*needed, *request.through, *place.holders)))
    ways = walk(inside, target, directions, request.tool.length_mm, tuple(geometry.structure(n) for n in wanted))
    met = {name: ways.met_mm[:, n] for n, name in enumerate(wanted)}
    access, hit = _without_obstacles(request, place, needed, ways, met)
    progress.update(0.3, "obstacles")
    open_rows = np.flatnonzero((access == Access.ALLOWED) & (hit < 0))
    reach = float(np.nanmax(ways.length_mm[open_rows], initial=0.0)) + request.tool.radius_mm
    obstacles = gather_obstacles(lambda n: geometry.surface(n).mesh, needed, target, reach)
    progress.update(0.6, "clearance")
    near = walk_clear(obstacles, target, directions[open_rows], ways.length_mm[open_rows], request.tool.radius_mm)
    progress.update(0.9, "angles")
    angle = _angles(inside, target, directions, ways, open_rows)
    return _assembled(geometry, request, place, needed, ways, access, hit, open_rows, near, angle, obstacles, settings)


def _body(geometry: TwinGeometry, request: AccessRequest) -> Inside:
    body = body_of(geometry.twin)
    if body is None:
        raise PlanError(
            "the twin has no 'body', so that it is not known where the skin is. Build the twin from a CT with the "
            "classical structures, or add a label named 'body'.",
            "target",
        )
    inside = Inside(geometry.twin.labels, body)
    if not inside.nearest(geometry.twin.labels.grid.to_ijk(request.target_mm)):
        raise PlanError("the target lies outside the body.", "target")
    return inside


def _without_obstacles(
    request: AccessRequest, place: Surroundings, needed: dict[str, float], ways: Ways, met: dict[str, FloatArray]
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """What is said of ways for other reasons than clearance, and the forbidden structure each lies in, or -1."""
    access = np.zeros(len(ways.length_mm), dtype=np.uint8)

    def refuse(rows: NDArray[np.bool_], why: Access) -> None:
        access[rows & (access == Access.ALLOWED)] = why

    refuse(ways.leaves_scan, Access.LEAVES_SCAN)
    refuse(~np.isfinite(ways.length_mm) | (ways.length_mm > request.tool.length_mm), Access.TOO_FAR)
    refuse(ways.body_again, Access.BODY_AGAIN)
    for name in request.through:
        refuse(met[name] < ways.step_mm, Access.NOT_THROUGH)
    if request.min_bridge_mm is not None:
        tissue = met[place.organ] if place.organ else np.zeros(len(access))
        refuse(tissue < request.min_bridge_mm, Access.THIN_BRIDGE)
    inside = np.stack([met[name] for name in needed]) if needed else np.zeros((1, len(access)))
    deep = inside.max(0) >= 2.0 * ways.step_mm
    return access, np.where(deep, inside.argmax(0), -1).astype(np.int32)


def _angles(
    inside: Inside, target: FloatArray, directions: FloatArray, ways: Ways, rows: NDArray[np.intp]
) -> FloatArray:
    """(N,) angles to the skin's normal of some ways, degrees; NaN for the others."""
    entries = target + ways.length_mm[rows, None] * directions[rows]
    cosine = np.einsum("nc,nc->n", skin_normals(inside, entries), directions[rows])
    angle = np.full(len(directions), np.nan)
    angle[rows] = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
    return angle


def _assembled(
    geometry: TwinGeometry,
    request: AccessRequest,
    place: Surroundings,
    needed: dict[str, float],
    ways: Ways,
    access: NDArray[np.uint8],
    hit: NDArray[np.int32],
    rows: NDArray[np.intp],
    near: Nearness,
    angle: FloatArray,
    obstacles: tuple[Obstacles, ...],
    settings: PlanningSettings,
) -> AccessMap:
    count = len(access)
    clearance, slack, risk = (np.full(count, np.nan) for _ in range(3))
    nearest = hit.copy()
    clearance[rows], slack[rows], nearest[rows] = near.clearance_mm, near.slack_mm, near.nearest
    risk[rows] = _exceedance(near.scaled_mm, settings.needles.noise.tip_sd_mm)
    if request.max_skin_angle_deg is not None:
        access[(access == Access.ALLOWED) & (angle > request.max_skin_angle_deg)] = Access.TOO_FLAT
    too_close = (hit >= 0) | (slack < 0)
    access[(access == Access.ALLOWED) & too_close] = Access.TOO_CLOSE
    return AccessMap(
        request=request,
        place=place,
        needed_mm=needed,
        structures=tuple(needed),
        directions=even_directions(count),
        access=access,
        length_mm=ways.length_mm,
        clearance_mm=clearance,
        slack_mm=slack,
        nearest=nearest,
        skin_angle_deg=angle,
        risk=risk,
        error_mm=max((o.error_mm for o in obstacles), default=0.0),
        terms=geometry.error_terms(),
        findings=_findings(geometry, request, needed, access),
    )


def _exceedance(slack_mm: FloatArray, sd_mm: float) -> FloatArray:
    """Chance that a normal error of zero mean exceeds a slack."""
    from scipy.special import ndtr

    if sd_mm == 0:
        return np.asarray((slack_mm < 0).astype(np.float64))
    return np.asarray(ndtr(-slack_mm / sd_mm))


def _findings(
    geometry: TwinGeometry, request: AccessRequest, needed: dict[str, float], access: NDArray[np.uint8]
) -> tuple[Finding, ...]:
    found = no_surface_findings(geometry)
    if np.any(access == Access.ALLOWED):
        return (*found, _only_what_is_known(geometry))
    unseen = len(found)
    for name, mm in needed.items():
        away = float(geometry.surface(name).at(np.asarray([request.target_mm]))[0]) - request.tool.radius_mm
        if away < mm:
            text = (
                f"At the target the tool lies {away:.1f} mm from '{name}', of which {mm:.1f} mm are to be kept clear: "
                "no way can. Ask for less, or move the target."
            )
            found.append(Finding("target-too-close", Severity.ERROR, text, request.target_mm, {"min_mm": away}, name))
    if len(found) == unseen:
        counts = np.bincount(access, minlength=len(Access))
        why = Access(int(counts.argmax()))
        text = f"No way to the target is allowed; most often: {why.text}. {_remedy(why)}"
        numbers = {kind.name.lower(): float(counts[kind]) for kind in Access if counts[kind]}
        found.append(Finding("no-access", Severity.ERROR, text, request.target_mm, numbers))
    return tuple(found)


def _only_what_is_known(geometry: TwinGeometry) -> Finding:
    twin = geometry.twin
    missing = [s.name for s in twin.structures if not twin.labels.voxels(s)]
    not_found = f" Looked for and not found: {', '.join(missing)}." if missing else ""
    text = (
        "Only structures that the twin holds are kept clear of. Look along each way in the slices: bowel, vessels or "
        f"pleura that nobody has segmented may lie on it.{not_found}"
    )
    return Finding("only-what-is-known", Severity.INFO, text)


def _remedy(why: Access) -> str:
    return {
        Access.TOO_FAR: "Take a longer tool.",
        Access.LEAVES_SCAN: "The scan does not show enough of the body around the target.",
        Access.TOO_CLOSE: "Ask for less clearance, or say what may be crossed.",
        Access.TOO_FLAT: "Allow a larger angle.",
    }.get(why, "Ask for less.")
