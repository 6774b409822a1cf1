"""A calibration belongs to its weights; intervals follow from it as the formula says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from segmentation.calibration import (
    CALIBRATION,
    Calibration,
    read_calibration,
    surfaces_mm2,
    volume_intervals,
    volume_scale_ml,
    write_calibration,
)
from segmentation.collection import PartLabel
from segmentation.confidence import Doubt, NetworkConfidence
from segmentation.model_folder import read_model_folder
from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.structure_table import structure_for
from surgtwin.errors import ModelError


def calibration_of(sha256: str = "ab" * 32, **changes: float) -> Calibration:
    shares = {"level": 0.9, "coverage": 0.9, "relative_width": 0.3, "ece_before": 0.1, "ece_after": 0.05}
    values = {"temperature": 1.25, "factor": 2.0, "pairs": 6, **shares}
    return Calibration(model_sha256=sha256, cases=("a/1", "a/2"), **{**values, **changes})  # type: ignore[arg-type]


def test_what_is_written_is_read(model_folder: Path) -> None:
    model = read_model_folder(model_folder)
    assert read_calibration(model) == (None, ())
    calibration = calibration_of(model.sha256())
    write_calibration(calibration, model_folder)
    assert read_calibration(model) == (calibration, ())


def test_a_calibration_of_other_weights_is_set_aside_and_said(model_folder: Path) -> None:
    write_calibration(calibration_of(), model_folder)
    found, findings = read_calibration(read_model_folder(model_folder))
    assert found is None and [f.code for f in findings] == ["calibration-unusable"]
    assert "other weights" in findings[0].message and "segmentation.calibrate" in findings[0].message


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2}, {"temperature": 0.0}, {"temperature": "warm"}, {"factor": float("nan")}, {"factor": -1.0},
        {"level": 1.0}, {"coverage": 7}, {"cases": None}, {"surprise": 1},
    ],
)  # fmt: skip
def test_a_malformed_calibration_is_set_aside_and_said(model_folder: Path, change: dict[str, object]) -> None:
    model = read_model_folder(model_folder)
    path = write_calibration(calibration_of(model.sha256()), model_folder)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    found, findings = read_calibration(model)
    assert found is None and "cannot be read" in findings[0].message


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff\xfe", b"{}", b"[" * 100_000])
def test_damage_never_stops_the_model(model_folder: Path, content: bytes) -> None:
    (model_folder / CALIBRATION).write_bytes(content)
    found, findings = read_calibration(read_model_folder(model_folder))
    assert found is None and len(findings) == 1


def test_an_impossible_calibration_cannot_be_made() -> None:
    with pytest.raises(ModelError, match="not plausible"):
        calibration_of(factor=0.0)


def test_the_surface_is_that_of_the_voxel_faces_on_an_anisotropic_grid() -> None:
    labels = np.zeros((8, 9, 10), np.uint8)
    labels[2:5, 3:7, 1:6] = 3
    labels[5:7, 3:7, 1:6] = 1
    box = 2 * (4 * 2 * 5 * 0.5 + 3 * 2.5 * 5 * 0.5 + 3 * 2.5 * 4 * 2)
    assert surfaces_mm2(labels, (2.5, 2.0, 0.5))[3] == pytest.approx(box)
    assert surfaces_mm2(labels, (2.5, 2.0, 0.5))[2] == 0


def test_the_scale_grows_as_a_volume_and_not_with_the_voxel() -> None:
    scale = volume_scale_ml(Doubt(30.0, 50.0), 600.0, 0.01)
    assert scale == pytest.approx(np.sqrt(0.4 * 0.6))
    assert volume_scale_ml(Doubt(240.0, 400.0), 600.0, 0.01 / 8) == pytest.approx(scale)


def cube() -> tuple[LabelMap, NetworkConfidence]:
    grid = Grid.from_axes((20, 20, 20), (5.0, -9.0, 30.0), [[0, -1, 0], [1, 0, 0], [0, 0, -1]], (2.0, 2.0, 2.0))
    layer = np.zeros(grid.shape, np.uint8)
    layer[5:15, 5:15, 5:15] = 7
    labels = LabelMap(grid, (layer,), (structure_for(7, "liver"), structure_for(8, "spleen")))
    full = (slice(0, 20),) * 3
    doubts = {1: Doubt(60.0, 140.0), 2: Doubt(0.0, 3.0)}
    return labels, NetworkConfidence(np.full((20, 20, 20), 250, np.uint8), full, grid.shape, doubts)


ROWS = (PartLabel(7, "liver", "liver", True, 1), PartLabel(8, "spleen", "spleen", True, 2))


def test_an_interval_is_the_volume_and_the_factor_times_the_scale() -> None:
    labels, sure = cube()
    (liver,) = volume_intervals(labels, sure, calibration_of(), ROWS, frozenset())
    reach = 2.0 * np.sqrt((100 * 0.008) * (6 * 20 * 20 / 1000))
    assert liver.structure == "liver" and liver.estimate_ml == pytest.approx(8.0) and not liver.is_cut
    assert (liver.low_ml, liver.high_ml) == pytest.approx((8.0 - reach, 8.0 + reach))
    assert liver.is_of(labels.volume_ml(labels.structure("liver")))


def test_an_interval_ends_at_nothing_and_a_cut_structure_is_marked() -> None:
    labels, sure = cube()
    (liver,) = volume_intervals(labels, sure, replace(calibration_of(), factor=50.0), ROWS, frozenset({"liver"}))
    assert liver.low_ml == 0.0 and liver.is_cut and liver.as_text() == "> 0.0"
