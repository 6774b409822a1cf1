"""Confidence and intervals as a segmentation carries them: at the right place, and only where they hold."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest

from segmentation import segmenter
from segmentation.calibration import Calibration, write_calibration
from segmentation.model_folder import read_model_folder
from segmentation.placed import place_structures
from segmentation.segmenter import UNetSegmenter
from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.geometry import Grid
from surgtwin.domain.volume import Modality, SourceInfo, Volume
from surgtwin.pipeline.ports import Segmentation
from surgtwin.progress import SILENT


@pytest.fixture
def calibrated(model_folder: Path) -> Path:
    sha256 = read_model_folder(model_folder).sha256()
    write_calibration(Calibration(sha256, 1.5, 0.9, 1.2, ("a", "b"), 6, 0.9, 0.4, 0.1, 0.05), model_folder)
    return model_folder


def lively(shape: tuple[int, int, int] = (14, 20, 22)) -> np.ndarray:
    k, j, i = np.indices(shape)
    return (150 * np.sin(0.5 * i + 0.2 * k) * np.cos(0.4 * j) + 3 * k + 5).astype(np.int16)


def segment(folder: Path, values: np.ndarray, grid: Grid) -> Segmentation:
    volume = Volume(grid, np.ascontiguousarray(values), Modality.CT, SourceInfo("synthetic", "0" * 64))
    return UNetSegmenter(folder, classical=False).segment(volume, SILENT)


def lps_grid(spacing: tuple[float, float, float] = (2.0, 2.0, 3.0)) -> Grid:
    return Grid.from_axes((14, 20, 22), (-10.0, 20.0, -300.0), np.eye(3), spacing)


def test_the_confidence_of_a_place_is_the_same_in_all_orientations(calibrated: Path) -> None:
    values, grid = lively(), lps_grid((1.3, 2.0, 3.0))
    expected = segment(calibrated, values, grid)
    places = grid.to_lps(np.random.default_rng(1).uniform((0, 0, 0), (21, 19, 13), (40, 3)))
    truth = [expected.confidence.at(tuple(p)) for p in places]
    assert len(set(truth)) > 10
    for order in list(permutations(range(3)))[::2]:
        for signs in list(product((1, -1), repeat=3))[::3]:
            flips = tuple(slice(None, None, s) for s in signs)
            index = np.arange(3)[[2 - order[2 - n] for n in range(3)]]
            turned = values.transpose(order)[flips]
            matrix = np.eye(4)
            first = np.zeros(3)
            for column, axis in enumerate(index):
                sign = signs[2 - column]
                matrix[:3, column] = grid.lps_from_ijk[:3, axis] * sign
                first[axis] = 0 if sign == 1 else grid.size_ijk[axis] - 1
            matrix[:3, 3] = grid.to_lps(first)
            found = segment(calibrated, turned, Grid(turned.shape, matrix))
            assert [found.confidence.at(tuple(p)) for p in places] == truth
            assert [v.structure for v in found.volume_intervals] == [v.structure for v in expected.volume_intervals]
            for a, b in zip(found.volume_intervals, expected.volume_intervals, strict=True):
                assert (a.low_ml, a.high_ml) == pytest.approx((b.low_ml, b.high_ml))


def test_every_structure_found_has_an_interval_around_its_volume(calibrated: Path) -> None:
    result = segment(calibrated, lively(), lps_grid())
    found = {s.name: result.labels.volume_ml(s) for s in result.labels.structures if result.labels.voxels(s)}
    assert {v.structure for v in result.volume_intervals} == set(found) and found
    for interval in result.volume_intervals:
        assert interval.low_ml < found[interval.structure] < interval.high_ml
        assert interval.is_of(found[interval.structure])
    assert result.confidence.is_calibrated and "temperature 1.500" in result.confidence.method


def test_a_structure_that_the_edge_cuts_has_a_lower_bound(calibrated: Path) -> None:
    result = segment(calibrated, lively(), lps_grid())
    cut = {name for name, placed in place_structures(result.labels).items() if placed.cuts}
    assert cut and {v.structure for v in result.volume_intervals if v.is_cut} == cut


def test_without_a_calibration_there_is_no_interval_and_the_map_says_so(model_folder: Path) -> None:
    result = segment(model_folder, lively(), lps_grid())
    assert result.volume_intervals == ()
    assert not result.confidence.is_calibrated and "uncalibrated" in result.confidence.method
    assert "calibration-unusable" not in {f.code for f in result.findings}


def test_a_calibration_of_other_weights_is_a_finding_of_the_segmentation(calibrated: Path) -> None:
    dataset = calibrated / "dataset.json"
    dataset.write_text(dataset.read_text().replace('"0.1"', '"0.2"'))
    result = segment(calibrated, lively(), lps_grid())
    assert result.volume_intervals == () and not result.confidence.is_calibrated
    assert "calibration-unusable" in {f.code for f in result.findings}


def test_labels_left_out_for_the_wrong_region_leave_no_confidence(
    calibrated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = Finding("wrong-region", Severity.ERROR, "A head.")
    monkeypatch.setattr(segmenter, "wrong_region", lambda *_: finding)
    result = segment(calibrated, lively(), lps_grid())
    assert result.confidence is None and result.volume_intervals == ()
    assert not np.any(result.labels.layers[0]) and finding in result.findings


def test_a_warmer_calibration_is_less_sure_of_the_same_labels(calibrated: Path) -> None:
    cool = segment(calibrated, lively(), lps_grid())
    sha256 = read_model_folder(calibrated).sha256()
    warm = replace(Calibration(sha256, 1.5, 0.9, 1.2, ("a", "b"), 6, 0.9, 0.4, 0.1, 0.05), temperature=3.0)
    write_calibration(warm, calibrated)
    found = segment(calibrated, lively(), lps_grid())
    np.testing.assert_array_equal(found.labels.layers[0], cool.labels.layers[0])
    assert found.confidence.codes.mean() < cool.confidence.codes.mean()
