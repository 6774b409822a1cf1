"""Which pictures of a recording can be placed, and where: from pixels to the frame of the patient's reference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ..domain.geometry import FloatArray, RigidTransform, transform_points
from ..errors import GeometryError, SourceError
from .frames import FrameGraph, frames_of_name
from .freshness import FASTEST_MM_S
from .probe_calibration import IMAGE, ProbeCalibration
from .sequence_file import Recording, SequenceFrame

REFERENCE, TRACKER = "Reference", "Tracker"
NO_IMAGE, NOT_SEEN, JUMPED = "no image", "not seen", "jumped"
FARTHEST_MM = 500.0
"""From the middle of all pictures: further off is no patient, but a tracker's error."""


@dataclass(frozen=True, eq=False)
class PlacedFrame:
    """One picture and its place.

    Parameters
    ----------
    number
        Of the recording's frame.
    reference_from_ijk
        (4, 4) from pixel indices to the reference's frame, mm.
    """

    number: int
    time_s: float
    reference_from_ijk: FloatArray


@dataclass(frozen=True, eq=False)
class FramePlaces:
    """The pictures that can be placed, in the order of time.

    Parameters
    ----------
    left_out
        Why others can't be -> how many.
    """

    frames: tuple[PlacedFrame, ...]
    reference: str
    left_out: dict[str, int]


def place_frames(recording: Recording, calibration: ProbeCalibration | None, reference: str = "") -> FramePlaces:
    """Where every picture lies, in the frame named, or in that of the reference marker, or of the tracker.

    Left out are frames without an image, those in which a marker on the way was not seen, and those that jump.

    Raises
    ------
    SourceError
        If the recording holds no pictures, or nothing says how they lie to a tracked marker, or to the reference.
    """
    fixed = {} if calibration is None else calibration.transforms
    known = {frame for way in (*_ways(recording.names), *fixed) for frame in way}
    reference = reference or (REFERENCE if REFERENCE in known else TRACKER)
    placed, left_out = [], {NO_IMAGE: 0, NOT_SEEN: 0, JUMPED: 0}
    for n, frame in enumerate(recording.frames):
        if not frame.has_image:
            left_out[NO_IMAGE] += 1
            continue
        matrix = _reference_from_ijk(frame, fixed, reference, recording.frame_from_ijk)
        if matrix is None:
            left_out[NOT_SEEN] += 1
        else:
            placed.append(PlacedFrame(n, frame.time_s, matrix))
    if not placed:
        raise SourceError(_why_none(recording, fixed, reference, left_out))
    kept = _without_jumps(placed, _middle(recording))
    left_out[JUMPED] = len(placed) - len(kept)
    if not kept:
        raise SourceError("Every picture of this recording jumps: the tracker's poses can't be of one sweep.")
    return FramePlaces(tuple(kept), reference, {why: count for why, count in left_out.items() if count})


def placed_in(places: FramePlaces, world_from_reference: FloatArray) -> FramePlaces:
    """The same pictures seen from another frame."""
    frames = tuple(replace(f, reference_from_ijk=world_from_reference @ f.reference_from_ijk) for f in places.frames)
    return replace(places, frames=frames)


def gaps_mm(places: FramePlaces, corners_ijk: FloatArray) -> FloatArray:
    """How far (frames - 1,) each picture lies from the one before: the mean of its corners (N, 3)."""
    corners = np.array([transform_points(f.reference_from_ijk, corners_ijk) for f in places.frames])
    return np.asarray(np.linalg.norm(np.diff(corners, axis=0), axis=-1).mean(axis=-1))


def _reference_from_ijk(
    frame: SequenceFrame, fixed: dict[tuple[str, str], FloatArray], reference: str, frame_from_ijk: FloatArray
) -> FloatArray | None:
    """None where no way leads to the reference at this moment."""
    steps = {way: matrix for name, matrix in frame.matrices.items() if (way := frames_of_name(name)) is not None}
    steps = {**steps, **fixed}
    graph = FrameGraph()
    for (start, end), matrix in sorted(steps.items()):
        if start in (IMAGE, end) or graph.is_joined(start, end):
            continue
        try:
            graph = graph.joined(RigidTransform(end, start, matrix))
        except GeometryError:
            continue  # one that scales leads nowhere that a picture goes
    for (start, end), matrix in sorted(steps.items()):
        if start == IMAGE and (end == reference or graph.is_joined(end, reference)):
            onward = np.eye(4) if end == reference else graph.between(end, reference).matrix
            return np.asarray(onward @ matrix @ frame_from_ijk)
    return None


def _ways(names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    return (way for name in names if (way := frames_of_name(name)) is not None)


def _why_none(
    recording: Recording, fixed: dict[tuple[str, str], FloatArray], reference: str, left_out: dict[str, int]
) -> str:
    if recording.images is None or left_out[NO_IMAGE] == len(recording.frames):
        return "This recording holds no pictures, only poses: there is nothing to reconstruct."
    ways = [*_ways(recording.names), *fixed]
    told = ", ".join("To".join(way) for way in ways) or "nothing"
    if not any(start == IMAGE for start, _ in ways):
        return (
            f"Nothing says how the pictures lie to the probe's marker (known: {told}). Give the probe's calibration: a "
            "PLUS device set with ImageToProbe, or a JSON matrix."
        )
    return f"No way leads from the pictures to '{reference}' in any frame (known: {told}). Name another reference."


def _middle(recording: Recording) -> FloatArray:
    size = (1, 1, 1) if recording.images is None else recording.images.shape[3:0:-1]
    return (np.asarray(size, dtype=np.float64) - 1) / 2


def _without_jumps(placed: list[PlacedFrame], middle_ijk: FloatArray) -> list[PlacedFrame]:
    """Without those far from the others, and those that both their neighbours could only reach at an absurd speed."""
    middles = np.array([transform_points(f.reference_from_ijk, middle_ijk) for f in placed])
    is_near = np.linalg.norm(middles - np.median(middles, axis=0), axis=1) <= FARTHEST_MM
    near = [f for f, keep in zip(placed, is_near, strict=True) if keep]
    if len(near) < 3:
        return near
    times = np.array([f.time_s for f in near])
    speed = np.linalg.norm(np.diff(middles[is_near], axis=0), axis=1) / np.maximum(np.diff(times), 1e-3)
    is_fast = speed > FASTEST_MM_S
    before, after = np.concatenate([[True], is_fast]), np.concatenate([is_fast, [True]])
    return [f for f, jumps in zip(near, before & after, strict=True) if not jumps]
