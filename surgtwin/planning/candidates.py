"""The few ways to a target that are worth a person's look: none beaten in everything, all different, judged exactly."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..domain.geometry import FloatArray
from ..domain.verdict import Verdict
from ..errors import PlanError
from ..progress import SILENT, Progress
from .access import AccessMap
from .settings import DEFAULT_PLANNING, PlanningSettings
from .trajectory import TrajectoryResult, evaluate_trajectory
from .twin_geometry import TwinGeometry

CRITERIA = ("length", "clearance", "angle", "risk")
APART_DEG = 10.0
APART_MM = 15.0
TRIES_PER_CANDIDATE = 3
MOST_CANDIDATES = 100
CLEARANCE_ENOUGH_MM = 20.0
"""More room than this makes no way better."""


@dataclass(frozen=True)
class AccessWeights:
    """How much each criterion counts where ways are put in order; 0 leaves it out. Weights only sort."""

    length: float = 1.0
    clearance: float = 1.0
    angle: float = 0.5
    risk: float = 1.0

    def __post_init__(self) -> None:
        for name in CRITERIA:
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= 0):
                raise PlanError(f"a weight of 0 or more is needed; found {value:g}.", name)


@dataclass(frozen=True, eq=False)
class Candidate:
    """A way worth a look.

    Parameters
    ----------
    row
        Its direction in the access map.
    score
        The weighted sum that it is sorted by, smaller is better; comparable within one list only.
    is_pareto
        Whether no other way that was looked at is at least as good in all criteria and better in one.
    """

    row: int
    score: float
    is_pareto: bool
    result: TrajectoryResult


def best_candidates(
    geometry: TwinGeometry,
    access: AccessMap,
    count: int = 5,
    weights: AccessWeights | None = None,
    settings: PlanningSettings = DEFAULT_PLANNING,
    progress: Progress = SILENT,
) -> tuple[Candidate, ...]:
    """Up to `count` ways, each at least 10 degrees and 15 mm of skin from the others, safe ones first, then by score.

    Ways that nothing beats come before the rest. Each is judged exactly, and left out if that finds a limit broken.

    Raises
    ------
    Cancelled
        When asked to stop through ``progress``.
    """
    if not 1 <= count <= MOST_CANDIDATES:
        raise PlanError(f"1 to {MOST_CANDIDATES} candidates can be listed; found {count}.", "top")
    rows = np.flatnonzero(access.allowed)
    if not len(rows):
        return ()
    costs = _costs(access, rows)
    scores = _scores(costs, weights or AccessWeights())
    front = pareto_front(costs)
    order = np.lexsort((scores, ~access.proven[rows], ~front))
    found: list[Candidate] = []
    tried: list[int] = []
    for n in order:
        if len(found) == count or len(tried) == TRIES_PER_CANDIDATE * count:
            break
        row = int(rows[n])
        if not _is_apart(access, row, tried):
            continue
        progress.update(len(found) / count, "candidates")
        tried.append(row)
        plan = access.request.trajectory(f"access {len(tried)}", access.entry_mm(row), access.needed_mm)
        result = evaluate_trajectory(geometry, plan, settings)
        if result.verdict is not Verdict.VIOLATED:
            found.append(Candidate(row, float(scores[n]), bool(front[n]), result))
    found.sort(key=lambda c: (c.result.verdict is not Verdict.SAFE, c.score))
    return tuple(_named(c, n + 1) for n, c in enumerate(found))


def pareto_front(costs: FloatArray) -> NDArray[np.bool_]:
    """(N,) rows of costs (N, C) that no other row beats: none is as small in all columns and smaller in one."""
    order = np.argsort(costs.sum(1), kind="stable")
    left = order
    is_front = np.zeros(len(costs), dtype=bool)
    while len(left):
        best = costs[left[0]]
        is_front[left[0]] = True
        rest = left[1:]
        # The smallest sum is beaten by nothing that is left; what it beats or equals goes.
        left = rest[(costs[rest] < best).any(1)]
    return is_front


def _costs(access: AccessMap, rows: NDArray[np.intp]) -> FloatArray:
    """(N, 4) of length, lack of room, angle and risk: smaller is better."""
    slack = np.minimum(access.slack_mm[rows], CLEARANCE_ENOUGH_MM)
    return np.stack((access.length_mm[rows], -slack, access.skin_angle_deg[rows], access.risk[rows]), axis=1)


def _scores(costs: FloatArray, weights: AccessWeights) -> FloatArray:
    """Weighted sum of the criteria, each from 0 for the best way to 1 for the worst."""
    low, high = costs.min(0), costs.max(0)
    spread = np.where(high > low, high - low, 1.0)
    factors = np.array([getattr(weights, name) for name in CRITERIA])
    return np.asarray((costs - low) / spread @ factors)


def _is_apart(access: AccessMap, row: int, others: list[int]) -> bool:
    """Whether a way differs from others in its direction, and in its place on the skin."""
    if not others:
        return True
    cosines = access.directions[others] @ access.directions[row]
    if np.degrees(np.arccos(np.clip(cosines.max(), -1.0, 1.0))) < APART_DEG:
        return False
    entry = np.asarray(access.entry_mm(row))
    return min(float(np.linalg.norm(entry - np.asarray(access.entry_mm(o)))) for o in others) >= APART_MM


def _named(candidate: Candidate, rank: int) -> Candidate:
    trajectory = replace(candidate.result.trajectory, name=f"access {rank}")
    return replace(candidate, result=replace(candidate.result, trajectory=trajectory))
