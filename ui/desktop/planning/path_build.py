"""Tool paths as a hand makes them: laid, recorded, taken to other times, turned about their port. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from surgtwin.domain.geometry import FloatArray, Point3, unit
from surgtwin.domain.plan import ToolPath
from surgtwin.domain.tool import ToolPose
from surgtwin.errors import PlanError
from surgtwin.planning.settings import DEFAULT_PLANNING
from surgtwin.simulation.ellipsoid import as_point
from surgtwin.simulation.instrument import Instrument
from surgtwin.simulation.motion import Motion, fill_in
from surgtwin.simulation.trocar import pose_through, trocar_state

SPEED_MM_S = 20.0
"""How fast a new path goes, until it is given other times."""
LEAST_S = 0.1
"""Between two key poses."""
STEP_S = 2.0
"""A key pose that is added at the end comes so much later."""
INSIDE_MM = 10.0
"""A path through a port begins so far inside it."""
SMOOTH_MM = 2.0
"""Between poses that are drawn no part of the tool moves farther."""
KEEP_MM, KEEP_DEG = 0.5, 1.0
"""A recorded pose is left out where going straight past it differs less than this."""
SAME_S = 1e-3
MOST_KEYS = 60


def first_poses(entry_mm: Point3, tip_mm: Point3) -> tuple[ToolPose, ...]:
    """From just inside a place of the skin straight to where the tip is to work.

    Raises
    ------
    PlanError
        If both are nearly one place: the shaft would have no direction.
    """
    away = float(np.linalg.norm(np.subtract(tip_mm, entry_mm)))
    if away < 2.0:
        raise PlanError("the instrument would have nowhere to go: click a place deeper in.", "tip_mm")
    into = np.subtract(tip_mm, entry_mm) / away
    start = np.asarray(entry_mm) + min(INSIDE_MM, away / 2.0) * into
    first = pose_through(entry_mm, as_point(start), 0.0)
    return (first, pose_through(entry_mm, tip_mm, max(away / SPEED_MM_S, 1.0), first.lps_from_tool))


def motion_of(path: ToolPath, instrument: Instrument, step_mm: float = SMOOTH_MM) -> Motion:
    """The path filled in as it is judged: about its port, if its key poses keep to that."""
    return fill_in(path.poses, instrument, step_mm, pivot_of(path, instrument))


def pivot_of(path: ToolPath, instrument: Instrument) -> Point3 | None:
    """The port that a path turns about; None for a free hand, and for poses that miss the port."""
    port = path.trocar_mm
    if port is None:
        return None
    off = max(trocar_state(p.lps_from_tool, port, instrument.length_mm).deviation_mm for p in path.poses)
    return port if off <= DEFAULT_PLANNING.trocar_tolerance_mm else None


def key_at(path: ToolPath, time_s: float) -> int | None:
    """Number of the key pose at a time."""
    near = [n for n, pose in enumerate(path.poses) if abs(pose.time_s - time_s) <= SAME_S]
    return near[0] if near else None


def with_pose_at(path: ToolPath, time_s: float, lps_from_tool: FloatArray) -> ToolPath:
    """The path with that pose at a time: the key pose there becomes it, or a new one is put in."""
    known = key_at(path, time_s)
    if known is not None:
        time_s = path.poses[known].time_s
    others = [p for p in path.poses if p.time_s != time_s]
    poses = sorted((*others, ToolPose(time_s, lps_from_tool)), key=lambda p: p.time_s)
    return replace(path, poses=tuple(poses))


def with_time(path: ToolPath, key: int, time_s: float) -> ToolPath:
    """The path with one key pose at another time, kept between its neighbours."""
    poses = list(path.poses)
    low = poses[key - 1].time_s + LEAST_S if key > 0 else -np.inf
    high = poses[key + 1].time_s - LEAST_S if key + 1 < len(poses) else np.inf
    time = min(max(time_s, low), high)
    if low > high:  # neighbours from a file or a recording stand closer than a hand would put them
        time = (poses[key - 1].time_s + poses[key + 1].time_s) / 2.0
    poses[key] = replace(poses[key], time_s=float(time))
    return replace(path, poses=tuple(poses))


def swapped(path: ToolPath, key: int, other: int) -> ToolPath:
    """The path that takes two key poses in the other order; the times stay."""
    poses = list(path.poses)
    a, b = poses[key], poses[other]
    poses[key], poses[other] = replace(b, time_s=a.time_s), replace(a, time_s=b.time_s)
    return replace(path, poses=tuple(poses))


def without_key(path: ToolPath, key: int) -> ToolPath:
    """The path without one key pose. Raises PlanError if it is the only one."""
    return replace(path, poses=tuple(p for n, p in enumerate(path.poses) if n != key))


def through_port(path: ToolPath, port_mm: Point3 | None) -> ToolPath:
    """The path through another port, its tips where they were; None makes it free-hand, with the poses as they are."""
    if port_mm is None:
        return replace(path, trocar_mm=None)
    poses: list[ToolPose] = []
    for pose in path.poses:
        poses.append(pose_through(port_mm, pose.tip_mm, pose.time_s, pose.lps_from_tool))
    return replace(path, poses=tuple(poses), trocar_mm=port_mm)


# --- one pose under the hand


def tip_to(path: ToolPath, pose: FloatArray, to_mm: Point3) -> FloatArray:
    """The pose with its tip elsewhere: through the port where there is one, else shifted as it is."""
    if path.trocar_mm is not None:
        return pose_through(path.trocar_mm, to_mm, 0.0, pose).lps_from_tool
    moved = np.array(pose)
    moved[:3, 3] = to_mm
    return moved


def shaft_to(path: ToolPath, pose: FloatArray, to_mm: Point3) -> FloatArray:
    """The pose with its shaft pulled to a place outside.

    About the port the tip keeps its depth and goes the other way; a free hand turns the shaft about the tip.
    """
    tip = as_point(pose[:3, 3])
    if path.trocar_mm is None:
        return pose_through(to_mm, tip, 0.0, pose).lps_from_tool
    port = np.asarray(path.trocar_mm)
    into = unit(port - np.asarray(to_mm))
    return pose_through(path.trocar_mm, as_point(port + depth_of(path, pose) * into), 0.0, pose).lps_from_tool


def depth_of(path: ToolPath, pose: FloatArray) -> float:
    """From the port to the tip, mm; 0 for a free hand."""
    return 0.0 if path.trocar_mm is None else float(np.linalg.norm(pose[:3, 3] - np.asarray(path.trocar_mm)))


def deeper(pose: FloatArray, by_mm: float) -> FloatArray:
    """The pose slid along its own shaft, inwards."""
    moved = np.array(pose)
    moved[:3, 3] = pose[:3, 3] - by_mm * pose[:3, 2]
    return moved


def roll_deg(pose: FloatArray) -> float:
    """How far the tool is turned about its shaft, 0 to 360, from where its side looks to the patient's head."""
    zero, quarter = _level(pose)
    side = pose[:3, 0]
    return float(np.degrees(np.arctan2(side @ quarter, side @ zero)) % 360.0)


def rolled(pose: FloatArray, angle_deg: float) -> FloatArray:
    """The pose turned about its shaft to a roll."""
    zero, quarter = _level(pose)
    angle = np.radians(angle_deg)
    moved = np.array(pose)
    moved[:3, 0] = np.cos(angle) * zero + np.sin(angle) * quarter
    moved[:3, 1] = np.cross(moved[:3, 2], moved[:3, 0])
    return moved


def tilted(path: ToolPath, pose: FloatArray, inward: Point3, tilt_deg: float) -> FloatArray:
    """The pose about its port at another angle to the skin's inward normal, leaning the way it leans, as deep."""
    if path.trocar_mm is None:
        return pose
    normal, port = np.asarray(inward), np.asarray(path.trocar_mm)
    u = unit(pose[:3, 3] - port)
    lean = u - (u @ normal) * normal
    if float(np.linalg.norm(lean)) < 1e-6:
        lean = np.cross(normal, (1.0, 0.0, 0.0) if abs(normal[0]) < 0.9 else (0.0, 1.0, 0.0))
    angle = np.radians(tilt_deg)
    into = np.cos(angle) * normal + np.sin(angle) * unit(lean)
    return pose_through(path.trocar_mm, as_point(port + depth_of(path, pose) * into), 0.0, pose).lps_from_tool


def _level(pose: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The side of roll 0 and that of roll 90 degrees, square to the shaft."""
    shaft = pose[:3, 2]
    head = np.array([0.0, 0.0, 1.0]) if abs(shaft[2]) < 0.9 else np.array([0.0, -1.0, 0.0])
    zero = unit(head - (head @ shaft) * shaft)
    return zero, np.cross(shaft, zero)


# --- recording


def recorded(path: ToolPath, from_s: float, track: Sequence[tuple[float, FloatArray]], reach_mm: float) -> ToolPath:
    """The path that goes on from a time with what a hand did: seconds since then, and poses.

    Poses that a straight way between others nearly passes are left out.

    Parameters
    ----------
    reach_mm
        From the tip to the tool's far end: what a turn moves at most.
    """
    before = [p for p in path.poses if p.time_s < from_s - SAME_S]
    keep_mm = KEEP_MM
    kept = _needed(track, keep_mm, reach_mm)
    while len(kept) > MOST_KEYS:
        keep_mm *= 1.5
        kept = _needed(track, keep_mm, reach_mm)
    last, poses = before[-1].time_s if before else -np.inf, list(before)
    for n in kept:
        time = from_s + track[n][0]
        if time > last + SAME_S:
            poses.append(ToolPose(time, track[n][1]))
            last = time
    return replace(path, poses=tuple(poses))


def _needed(track: Sequence[tuple[float, FloatArray]], keep_mm: float, reach_mm: float) -> list[int]:
    """Which poses are wanted so that none is farther off than that (Douglas & Peucker 1973, over time)."""
    times = np.array([t for t, _ in track])
    tips = np.array([m[:3, 3] for _, m in track])
    # The far end stands for the turn: it moves `reach` times the angle.
    ends = tips + reach_mm * np.array([m[:3, 2] for _, m in track])
    slack = np.array([keep_mm, max(keep_mm, reach_mm * np.radians(KEEP_DEG))])
    kept, open_pairs = {0, len(track) - 1}, [(0, len(track) - 1)]
    while open_pairs:
        a, b = open_pairs.pop()
        if b - a < 2:
            continue
        share = ((times[a + 1 : b] - times[a]) / max(times[b] - times[a], 1e-9))[:, None]
        off = [np.linalg.norm(p[a + 1 : b] - (p[a] + share * (p[b] - p[a])), axis=1) for p in (tips, ends)]
        excess = np.max([o / s for o, s in zip(off, slack, strict=True)], axis=0)
        if float(excess.max()) > 1.0:
            worst = a + 1 + int(excess.argmax())
            kept.add(worst)
            open_pairs += [(a, worst), (worst, b)]
    return sorted(kept)


def duration_words(path: ToolPath) -> str:
    return f"{path.poses[-1].time_s - path.poses[0].time_s:.1f} s"


def tip_way_mm(path: ToolPath) -> float:
    """The way of the tip from key pose to key pose, mm."""
    return float(sum(np.linalg.norm(np.subtract(b.tip_mm, a.tip_mm)) for a, b in pairwise(path.poses)))
