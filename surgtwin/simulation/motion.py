"""A tool's key poses filled in so finely that nothing is passed over unseen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.spatial.transform import Rotation

from ..domain.geometry import FloatArray, Point3
from ..domain.tool import ToolPose
from ..errors import PlanError
from .instrument import Instrument

MAX_POSES = 50_000


@dataclass(frozen=True, eq=False)
class Motion:
    """Poses over time.

    Parameters
    ----------
    times_s
        (P,) growing.
    lps_from_tool
        (P, 4, 4) rigid.
    step_mm
        From one pose to the next no point of the tool moves farther.
    keys
        Which of the poses were given; the motion may turn sharply there.
    """

    times_s: FloatArray
    lps_from_tool: FloatArray
    step_mm: float
    keys: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.times_s)

    @property
    def tips_mm(self) -> FloatArray:
        """(P, 3) LPS."""
        return np.asarray(self.lps_from_tool[:, :3, 3])

    def at(self, time_s: float) -> FloatArray:
        """The pose (4, 4) at a time, between the two nearest; that of the first or last beyond them."""
        if time_s <= self.times_s[0] or len(self) == 1:
            return np.asarray(self.lps_from_tool[0])
        if time_s >= self.times_s[-1]:
            return np.asarray(self.lps_from_tool[-1])
        n = int(np.searchsorted(self.times_s, time_s, side="right")) - 1
        share = (time_s - self.times_s[n]) / (self.times_s[n + 1] - self.times_s[n])
        return np.asarray(_between(self.lps_from_tool[n], self.lps_from_tool[n + 1], np.array([share]), None)[0])


def fill_in(
    poses: Sequence[ToolPose], instrument: Instrument, step_mm: float, trocar_mm: Point3 | None = None
) -> Motion:
    """Poses between key poses, such that no point of the instrument moves more than `step_mm` at once.

    Without a trocar the tip goes straight and the tool turns evenly (lerp and slerp). With one the tool turns and
    slides about that point of the patient, which keeps the shaft in it all the way.

    Raises
    ------
    PlanError
        If that makes more poses than can be looked at: the path, or a coordinate of it, is too long.
    """
    keys = [_rigid(p.lps_from_tool) for p in poses]
    pivot = None if trocar_mm is None else np.asarray(trocar_mm)
    times, matrices, given, longest = [np.array([poses[0].time_s])], [np.array(keys[:1])], [0], 0.0
    for n, (before, after) in enumerate(pairwise(keys)):
        way = _farthest_way(before, after, instrument, pivot)
        steps = max(1, int(np.ceil(way / step_mm)))
        longest = max(longest, way / steps)
        given.append(given[-1] + steps)
        if given[-1] >= MAX_POSES:
            raise PlanError(
                f"the path needs more than {MAX_POSES} poses {step_mm:.2f} mm apart: part of the tool moves "
                f"{way:.0f} mm here. Shorten the path, or check its unit.",
                f"poses[{n + 1}].lps_from_tool",
            )
        share = np.arange(1, steps + 1) / steps
        matrices.append(_between(before, after, share, pivot))
        times.append(poses[n].time_s + share * (poses[n + 1].time_s - poses[n].time_s))
    return Motion(np.concatenate(times), np.concatenate(matrices), longest, tuple(given))


def _rigid(matrix: FloatArray) -> FloatArray:
    """The same pose with a rotation that is one to the last digit."""
    result = np.array(matrix)
    result[:3, :3] = Rotation.from_matrix(matrix[:3, :3]).as_matrix()
    return result


def _turn(before: FloatArray, after: FloatArray) -> FloatArray:
    """(3,) rotation vector in the tool's frame from one pose to the other."""
    return np.asarray(Rotation.from_matrix(before[:3, :3].T @ after[:3, :3]).as_rotvec())


def _in_tool(pose: FloatArray, place_mm: FloatArray) -> FloatArray:
    return np.asarray(pose[:3, :3].T @ (place_mm - pose[:3, 3]))


def _farthest_way(before: FloatArray, after: FloatArray, instrument: Instrument, pivot: FloatArray | None) -> float:
    """A bound on the way of any point of the instrument between two poses."""
    turn = _turn(before, after)
    angle = float(np.linalg.norm(turn))
    axis = turn / angle if angle > 0.0 else turn
    if pivot is None:
        slide = float(np.linalg.norm(after[:3, 3] - before[:3, 3]))
        return slide + angle * instrument.reach_mm(np.zeros(3), axis)
    first, last = _in_tool(before, pivot), _in_tool(after, pivot)
    slide = float(np.linalg.norm(last - first))
    return slide + angle * max(instrument.reach_mm(first, axis), instrument.reach_mm(last, axis))


def _between(before: FloatArray, after: FloatArray, share: FloatArray, pivot: FloatArray | None) -> FloatArray:
    """Poses (S, 4, 4) at shares (S,) of the way from one to the other."""
    turns = Rotation.from_rotvec(share[:, None] * _turn(before, after)).as_matrix()
    result = np.tile(np.eye(4), (len(share), 1, 1))
    result[:, :3, :3] = before[:3, :3] @ turns
    if pivot is None:
        result[:, :3, 3] = before[:3, 3] + share[:, None] * (after[:3, 3] - before[:3, 3])
    else:
        first, last = _in_tool(before, pivot), _in_tool(after, pivot)
        own = first + share[:, None] * (last - first)
        result[:, :3, 3] = pivot - np.einsum("sij,sj->si", result[:, :3, :3], own)
    return result
