"""A probe's calibration is read from PLUS' device sets and from JSON; hostile and broken files are refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from surgtwin.errors import SourceError
from surgtwin.live.probe_calibration import MOST_BYTES, read_probe_calibration

MATRIX = "0.1 0 0 5  0 0.2 0 -6  0 0 0.15 7  0 0 0 1"
DEVICE_SET = """<PlusConfiguration version="2.1">
  <CoordinateDefinitions>
    <Transform From="Image" To="Probe" Matrix="{matrix}" Error="0.5" />
    <Transform From="Phantom" To="Reference" Matrix="1 0 0 1  0 1 0 2  0 0 1 3  0 0 0 1" />
  </CoordinateDefinitions>
  <VolumeReconstruction {said} />
</PlusConfiguration>"""


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def device_set(path: Path, said: str = "", matrix: str = MATRIX) -> Path:
    return written(path / "set.xml", DEVICE_SET.format(matrix=matrix, said=said))


def test_a_device_set_tells_transforms_and_what_of_a_picture_to_use(tmp_path: Path) -> None:
    said = (
        'OutputSpacing="0.5 0.4 0.6" ClipRectangleOrigin="10 20" ClipRectangleSize="300 200" FanAnglesDeg="-30 40" '
        'FanOriginPixel="150 -5" FanRadiusStartPixel="20" FanRadiusStopPixel="180" CompoundingMode="MEAN"'
    )
    found = read_probe_calibration(device_set(tmp_path, said))
    assert np.array_equal(found.transforms["Image", "Probe"], np.array(MATRIX.split(), float).reshape(4, 4))
    assert found.transforms["Phantom", "Reference"][2, 3] == 3
    assert found.clip == (10, 20, 300, 200)
    assert found.spacing_mm == 0.4
    assert found.fan is not None and found.fan.radii == (20, 180) and found.fan.angles_deg == (-30, 40)


def test_a_json_matrix_will_do(tmp_path: Path) -> None:
    matrix = np.array(MATRIX.split(), float).reshape(4, 4)
    for content in (matrix.tolist(), {"matrix": matrix.tolist()}):
        found = read_probe_calibration(written(tmp_path / "c.json", json.dumps(content)))
        assert np.array_equal(found.transforms["Image", "Probe"], matrix)
        assert found.clip is None and found.fan is None and found.spacing_mm is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no calibration",
        "[1, 2, 3]",
        '{"matrix": "x"}',
        '{"matrix": [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]]}',
        "[" * 100_000,
        "<PlusConfiguration>",
        "<PlusConfiguration/>",
        DEVICE_SET.format(matrix="1 2 3", said=""),
        DEVICE_SET.format(matrix=MATRIX.replace("5", "nan"), said=""),
        DEVICE_SET.format(matrix=MATRIX[:-1] + "2", said=""),
        DEVICE_SET.format(matrix=MATRIX, said='ClipRectangleOrigin="1" ClipRectangleSize="2 3"'),
        DEVICE_SET.format(matrix=MATRIX, said='FanAnglesDeg="1 2" FanOriginPixel="0 0" FanRadiusStopPixel="-4"'),
        DEVICE_SET.format(matrix=MATRIX, said='OutputSpacing="wide"'),
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + DEVICE_SET.format(matrix=MATRIX, said=""),
        '<PlusConfiguration><CoordinateDefinitions><Transform From="Image" Matrix="1"/></CoordinateDefinitions>'
        "</PlusConfiguration>",
    ],
)
def test_broken_and_hostile_files_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SourceError):
        read_probe_calibration(written(tmp_path / "bad", text))


def test_a_file_that_is_not_there_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        read_probe_calibration(tmp_path / "none.xml")
    with pytest.raises(SourceError, match="too large"):
        read_probe_calibration(written(tmp_path / "big.xml", b"<" + b" " * MOST_BYTES))
