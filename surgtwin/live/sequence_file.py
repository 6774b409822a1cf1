"""Recordings of tracked tools and images: PLUS' sequence files (.igs.mha, .igs.nrrd), read strictly.

A header of ordinary MetaImage or NRRD fields, then for every frame `Seq_FrameNNNN_<name>` fields: named transforms with
their statuses, a time stamp, the image's status; then the images, one after another, or none at all.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..domain.geometry import FloatArray, frozen
from ..errors import FormatError
from .sequence_header import SequenceHeader, read_header, read_images

MOST_FRAMES = 500_000
FRAME_FIELD = re.compile(r"Seq_Frame(\d{4,9})_(\w{1,128})")
TRANSFORM, STATUS = "Transform", "TransformStatus"
OK = "OK"
ORIENTATION = ("UltrasoundImageOrientation", "ultrasound image orientation")
"""In MetaImage, in NRRD."""


@dataclass(frozen=True, eq=False)
class SequenceFrame:
    """One moment of a recording.

    Parameters
    ----------
    time_s
        The recorder's clock.
    matrices
        Name ("ProbeToTracker") -> (4, 4), mm, of what was seen. Not all need be rigid: calibrations scale.
    lost
        Names of what was not seen at this moment; what the file holds for them means nothing.
    """

    time_s: float
    matrices: dict[str, FloatArray]
    lost: frozenset[str]
    has_image: bool


@dataclass(frozen=True, eq=False)
class Recording:
    """A recording of tracked tools, and of the images that came with them.

    Parameters
    ----------
    images
        [frame, k, j, i] or [frame, k, j, i, component]; None if the recording has only poses.
    frame_from_ijk
        (4, 4) from voxel to the image's own frame, which a transform ("ImageToProbe") leads out of.
    orientation
        What the image's axes mean ("MFA": marked side, far from the transducer); "" if the file does not say it.
    """

    frames: tuple[SequenceFrame, ...]
    images: NDArray[Any] | None
    frame_from_ijk: FloatArray
    orientation: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Every transform's name, sorted."""
        return tuple(sorted({name for f in self.frames for name in (*f.matrices, *f.lost)}))

    @property
    def duration_s(self) -> float:
        return self.frames[-1].time_s - self.frames[0].time_s

    @property
    def gap_s(self) -> float:
        """Mean time from frame to frame; a tenth of a second if there is but one."""
        return self.duration_s / (len(self.frames) - 1) if self.duration_s > 0 else 0.1


def read_sequence(path: Path) -> Recording:
    """The recording in a sequence file.

    Raises
    ------
    FormatError
        If the file is no recording, is damaged, cut short, or contradicts itself.
    MemoryLimitError
        If its images would not fit into memory.
    """
    try:
        with path.open("rb") as stream:
            header = read_header(stream, path)
            frames = _frames(header, path)
            images = read_images(stream, header, path)
    except OSError as error:
        raise FormatError(f"'{path.name}' cannot be read: {error.strerror or 'it is damaged'}.") from error
    orientation = next((header.fields[key] for key in ORIENTATION if key in header.fields), "")
    return Recording(frames, images, header.frame_from_ijk, orientation)


def _frames(header: SequenceHeader, path: Path) -> tuple[SequenceFrame, ...]:
    rows: dict[int, dict[str, str]] = {}
    for key, value in header.fields.items():
        found = FRAME_FIELD.fullmatch(key)
        if found is not None:
            rows.setdefault(int(found[1]), {})[found[2]] = value
    if not rows:
        raise FormatError(f"'{path.name}' holds no tracked frames: it has no 'Seq_Frame0000_...' fields.")
    count = header.sizes[-1]
    if count > MOST_FRAMES or len(rows) != count or max(rows) != count - 1:
        raise FormatError(
            f"'{path.name}' says it has {count} frames and describes {len(rows)} (up to number {max(rows)}). The file "
            "is cut short, or was put together wrongly."
        )
    frames = tuple(_frame(n, rows[n], header.has_images, path) for n in range(count))
    for n, (before, after) in enumerate(pairwise(frames)):
        if after.time_s < before.time_s:
            raise FormatError(f"'{path.name}': the time runs backwards from frame {n} to frame {n + 1}.")
    return frames


def _frame(n: int, row: dict[str, str], has_images: bool, path: Path) -> SequenceFrame:
    time_s = _number(row.get("Timestamp", ""), f"Seq_Frame{n:04d}_Timestamp", path)
    matrices, lost = {}, set()
    for key, value in row.items():
        if not key.endswith(TRANSFORM):
            continue
        name = key.removesuffix(TRANSFORM)
        if row.get(name + STATUS, OK) == OK:
            matrices[name] = _matrix(value, f"Seq_Frame{n:04d}_{key}", path)
        else:
            lost.add(name)
    status = row.get("ImageStatus", row.get("Status", OK))  # the latter in NRRD
    return SequenceFrame(time_s, matrices, frozenset(lost), has_images and status == OK)


def _number(text: str, key: str, path: Path) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise FormatError(f"'{path.name}': '{key}' should be a finite number; found '{text[:40]}'.")
    return number


def _matrix(text: str, key: str, path: Path) -> FloatArray:
    try:
        matrix = np.array(text.split(), dtype=np.float64)
    except ValueError:
        matrix = np.empty(0)
    if matrix.shape != (16,) or not np.all(np.isfinite(matrix)):
        raise FormatError(f"'{path.name}': '{key}' should hold 16 finite numbers; found '{text[:40]}'.")
    matrix = matrix.reshape(4, 4)
    if not np.array_equal(matrix[3], [0, 0, 0, 1]) or abs(np.linalg.det(matrix[:3, :3])) < 1e-12:
        raise FormatError(f"'{path.name}': '{key}' is no transform: its last row is not 0 0 0 1, or it is singular.")
    return frozen(matrix)
