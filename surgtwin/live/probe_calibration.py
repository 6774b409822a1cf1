"""How an ultrasound image lies to its probe, from a PLUS device set (XML) or a JSON matrix; read strictly."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..domain.geometry import FloatArray, frozen
from ..errors import SourceError

IMAGE, PROBE = "Image", "Probe"
MOST_BYTES = 4 << 20
FORBIDDEN = (b"<!DOCTYPE", b"<!ENTITY")
"""A device set needs no document type; what one brings along can swell or reach other files."""


@dataclass(frozen=True)
class Fan:
    """The part of a picture that a curved probe fills, in pixels.

    Parameters
    ----------
    angles_deg
        From the direction away from the probe, first to last.
    """

    origin_ij: tuple[float, float]
    radii: tuple[float, float]
    angles_deg: tuple[float, float]


@dataclass(frozen=True, eq=False)
class ProbeCalibration:
    """What is fixed while a probe is moved.

    Parameters
    ----------
    transforms
        (from, to) -> (4, 4). That from "Image" goes out from pixels, and scales.
    clip
        (i, j, width, height) in pixels of what the picture shows; all of it if None.
    spacing_mm
        Of the volume to be made, if the file says so.
    """

    transforms: dict[tuple[str, str], FloatArray]
    clip: tuple[int, int, int, int] | None = None
    fan: Fan | None = None
    spacing_mm: float | None = None
    named: dict[str, str] = field(default_factory=dict)
    """What else the reconstruction's element of the file says, by attribute."""


def read_probe_calibration(path: Path) -> ProbeCalibration:
    """The calibration in a PLUS device set, or in a JSON file of a 4 x 4 matrix from pixels to the probe's marker.

    Raises
    ------
    SourceError
        If the file is something else, or a matrix is no transform.
    """
    data = _bytes(path)
    return _from_xml(data, path) if data.lstrip()[:1] == b"<" else _from_json(data, path)


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise SourceError(f"'{path.name}' cannot be read: {error.strerror or error}.") from error
    if len(data) > MOST_BYTES:
        raise SourceError(f"'{path.name}' is too large to be a probe's calibration.")
    return data.removeprefix(b"\xef\xbb\xbf")


def _from_json(data: bytes, path: Path) -> ProbeCalibration:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"'{path.name}' is neither a PLUS device set nor a JSON file.") from error
    matrix = content.get("matrix") if isinstance(content, dict) else content
    return ProbeCalibration({(IMAGE, PROBE): _checked(matrix, f"{IMAGE}To{PROBE}", path)})


def _from_xml(data: bytes, path: Path) -> ProbeCalibration:
    if any(word in data.upper() for word in FORBIDDEN):
        raise SourceError(f"'{path.name}' defines document types or entities, which a device set does not need.")
    try:
        root = ET.fromstring(data)
    except ET.ParseError as error:
        raise SourceError(f"'{path.name}' is no sound XML: {error}.") from error
    transforms: dict[tuple[str, str], FloatArray] = {}
    for element in root.iterfind(".//CoordinateDefinitions/Transform"):
        way = (element.get("From", ""), element.get("To", ""))
        if not all(way) or way in transforms:
            raise SourceError(f"'{path.name}' has a transform without a name, or {'To'.join(way)} twice.")
        transforms[way] = _checked(_numbers(element.get("Matrix", ""), path), "To".join(way), path)
    if not transforms:
        raise SourceError(f"'{path.name}' defines no transforms (CoordinateDefinitions): it is no calibration.")
    said = root.find(".//VolumeReconstruction")
    named = {} if said is None else dict(said.attrib)
    return ProbeCalibration(transforms, _clip(named, path), _fan(named, path), _spacing(named, path), named)


def _clip(named: dict[str, str], path: Path) -> tuple[int, int, int, int] | None:
    if "ClipRectangleOrigin" not in named or "ClipRectangleSize" not in named:
        return None
    i, j = _pair(named["ClipRectangleOrigin"], path)
    width, height = _pair(named["ClipRectangleSize"], path)
    return (int(i), int(j), int(width), int(height))


def _fan(named: dict[str, str], path: Path) -> Fan | None:
    if "FanAnglesDeg" not in named or "FanOriginPixel" not in named:
        return None
    radii = (named.get("FanRadiusStartPixel", "0"), named.get("FanRadiusStopPixel", named.get("FanDepthPixel", "")))
    near, far = _pair(" ".join(radii), path)
    if not 0 <= near < far:
        raise SourceError(f"'{path.name}' has a fan from radius {near:g} to {far:g}, which holds nothing.")
    return Fan(_pair(named["FanOriginPixel"], path), (near, far), _pair(named["FanAnglesDeg"], path))


def _spacing(named: dict[str, str], path: Path) -> float | None:
    """The finest of the three: voxels are cubes here."""
    found = _numbers(named.get("OutputSpacing", ""), path)
    return min(found) if found and min(found) > 0 else None


def _pair(text: str, path: Path) -> tuple[float, float]:
    found = _numbers(text, path)
    if len(found) != 2:
        raise SourceError(f"'{path.name}': two numbers are needed where '{text[:40]}' stands.")
    return (found[0], found[1])


def _numbers(text: str, path: Path) -> list[float]:
    try:
        found = [float(word) for word in text.split()]
    except ValueError:
        found = [float("nan")]
    if not np.all(np.isfinite(found)):
        raise SourceError(f"'{path.name}': finite numbers are needed where '{text[:40]}' stands.")
    return found


def _checked(matrix: Any, name: str, path: Path) -> FloatArray:
    try:
        values = np.asarray(matrix, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.size != 16 or not np.all(np.isfinite(values)):
        raise SourceError(f"'{path.name}': {name} should be a matrix of 16 finite numbers.")
    values = values.reshape(4, 4)
    if not np.array_equal(values[3], [0, 0, 0, 1]) or abs(np.linalg.det(values[:3, :3])) < 1e-12:
        raise SourceError(f"'{path.name}': {name} is no transform: its last row is not 0 0 0 1, or it is singular.")
    return frozen(values)
