"""Files that tell where a tracked tool's tip is, and how the tracker lies to the patient's image."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..atomic_file import write_atomically
from ..domain.geometry import FloatArray, Point3, RigidTransform, unit
from ..errors import GeometryError, SourceError

MOST_BYTES = 1 << 16
LONGEST_TOOL_MM = 1000.0


@dataclass(frozen=True)
class ToolTip:
    """Where a tool's tip is in the frame of its marker.

    Parameters
    ----------
    shaft
        Unit vector from the tip towards the handle; +z, as this program's own tools have it, if nothing is known.
    error_mm
        Standard error of the tip's place, by the calibration.
    """

    tip_mm: Point3 = (0.0, 0.0, 0.0)
    shaft: Point3 = (0.0, 0.0, 1.0)
    error_mm: float = 0.0

    def __post_init__(self) -> None:
        tip = np.asarray(self.tip_mm, dtype=np.float64)
        if tip.shape != (3,) or not np.all(np.abs(tip) <= LONGEST_TOOL_MM):
            raise SourceError(f"A tool's tip should be three numbers within a metre; found {self.tip_mm}.")
        if not (math.isfinite(self.error_mm) and self.error_mm >= 0):
            raise SourceError(f"A tip's error of 0 mm or more is needed; found {self.error_mm}.")
        try:
            x, y, z = (float(v) for v in unit(self.shaft))
        except (GeometryError, ValueError) as error:
            raise SourceError(f"A tool's shaft should be a direction of three numbers; found {self.shaft}.") from error
        object.__setattr__(self, "shaft", (x, y, z))


@dataclass(frozen=True, eq=False)
class TrackerToImage:
    """How the tracker lies to the image.

    Parameters
    ----------
    transform
        From the tracker (or the patient's reference marker) to "lps".
    tre_mm
        Its predicted error where it matters; 0 if nobody stated one.
    """

    transform: RigidTransform
    tre_mm: float = 0.0


def read_tool_tip(path: Path) -> ToolTip:
    """The tip in a file {"tip_mm": [x, y, z], "shaft": [x, y, z], "error_mm": e}. Raises SourceError."""
    content = _read(path)
    if not isinstance(content, dict) or "tip_mm" not in content:
        raise SourceError(f"'{path.name}' states no tip_mm, the place of the tip in its marker's frame.")
    try:
        tip, shaft = (_point(content[key]) if key in content else None for key in ("tip_mm", "shaft"))
        error_mm = float(content.get("error_mm", 0.0))
    except (TypeError, ValueError) as error:
        raise SourceError(f"'{path.name}' is no tool file: tip_mm and shaft are three numbers each.") from error
    return ToolTip(tip or (0.0, 0.0, 0.0), shaft or (0.0, 0.0, 1.0), error_mm)


def write_tool_tip(path: Path, tip: ToolTip) -> None:
    """Write a tool's file, for `read_tool_tip`. Raises DiskError."""
    content = {"tip_mm": list(tip.tip_mm), "shaft": list(tip.shaft), "error_mm": tip.error_mm}
    write_atomically(path, lambda temporary: _write(temporary, content))


def read_tracker_to_image(path: Path, from_frame: str) -> TrackerToImage:
    """How the tracker lies to the image, from a file of a 4 x 4 matrix, or of {"matrix": ..., "tre_mm": e}.

    Raises
    ------
    SourceError
        If the file is something else, or its matrix is not rigid.
    """
    content = _read(path)
    matrix, tre = (content.get("matrix"), content.get("tre_mm", 0.0)) if isinstance(content, dict) else (content, 0.0)
    try:
        values = np.asarray(matrix, dtype=np.float64)
        tre_mm = float(tre)
    except (TypeError, ValueError) as error:
        raise SourceError(f"'{path.name}' holds no 4 x 4 matrix of numbers.") from error
    if not (math.isfinite(tre_mm) and tre_mm >= 0):
        raise SourceError(f"'{path.name}': tre_mm should be 0 or more; found {tre_mm}.")
    if values.shape != (4, 4) or not np.array_equal(values[3], [0, 0, 0, 1]):
        raise SourceError(f"'{path.name}' holds no 4 x 4 matrix with the last row 0 0 0 1.")
    try:
        return TrackerToImage(RigidTransform("lps", from_frame, values), tre_mm)
    except GeometryError as error:
        raise SourceError(f"'{path.name}': {error}") from error


def write_tracker_to_image(path: Path, matrix: FloatArray, tre_mm: float) -> None:
    """Write a file for `read_tracker_to_image`. Raises DiskError."""
    content = {"matrix": np.asarray(matrix, dtype=np.float64).tolist(), "tre_mm": tre_mm}
    write_atomically(path, lambda temporary: _write(temporary, content))


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _read(path: Path) -> Any:
    try:
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise SourceError(f"'{path.name}' cannot be read: {error.strerror or error}.") from error
    if len(data) > MOST_BYTES:
        raise SourceError(f"'{path.name}' is too large to be a tool's or a registration's file.")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"'{path.name}' is no JSON file.") from error


def _point(value: Any) -> Point3:
    x, y, z = (float(v) for v in value)
    return (x, y, z)
