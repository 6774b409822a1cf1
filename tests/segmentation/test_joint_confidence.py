"""Several parts' confidence in one label map: multiplied, contradicted, silent, and on other grids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segmentation.calibration import Calibration, write_calibration
from segmentation.collection import CollectionPart, PartLabel
from segmentation.confidence import NetworkConfidence
from segmentation.joint_confidence import PartClaim, joint_confidence
from segmentation.merge import LabelMerger
from segmentation.model_folder import read_model_folder
from segmentation.segmenter import UNetSegmenter
from surgtwin.pipeline.ports import Segmentation
from surgtwin.progress import SILENT
from tests.segmentation.part_models import lively_volume, write_collection, write_part

SHAPE = (4, 6, 8)
WHOLE = tuple(slice(0, n) for n in SHAPE)


def part(*rows: tuple[str, int, int]) -> CollectionPart:
    """A part that gives these names: merged value, own value. Its model is never asked."""
    labels = tuple(PartLabel(value, name, name, True, own) for name, value, own in rows)
    return CollectionPart("part", None, labels)  # type: ignore[arg-type]


LIVER = part(("liver", 1, 1))
TUMOUR = part(("liver tumour", 2, 1))
VESSELS = part(("aorta", 3, 1), ("inferior vena cava", 4, 2))


def claim(owner: CollectionPart, labels: np.ndarray, codes: np.ndarray, box: tuple[slice, ...] = WHOLE) -> PartClaim:
    sure = NetworkConfidence(codes.astype(np.uint8), box, SHAPE, {})  # type: ignore[arg-type]
    return PartClaim(owner, sure, sure.sample(labels))


def merged(*said: tuple[CollectionPart, np.ndarray]) -> LabelMerger:
    rows = [row for owner, _ in said for row in owner.labels]
    merger = LabelMerger(SHAPE, rows)
    for owner, labels in said:
        merger.add(owner, labels)
    return merger


def test_parts_that_agree_are_multiplied_and_the_one_that_contradicts_is_wrong() -> None:
    liver, vessels = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    liver[:, :, :4] = 1
    vessels[:, 2:, 3:6] = 2
    claims = [claim(LIVER, liver, np.full(SHAPE, 204)), claim(VESSELS, vessels, np.full(SHAPE, 230))]
    found = joint_confidence(claims, merged((LIVER, liver), (VESSELS, vessels)))
    both, against = round(204 * 230 / 255), round(204 * 25 / 255)
    expected = np.full(SHAPE, both)
    expected[:, 2:, 3] = against
    np.testing.assert_array_equal(found.codes, expected)


def test_a_part_of_a_structure_does_not_contradict_it() -> None:
    liver, tumour = np.ones(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    tumour[1:3, 2:4, 2:4] = 1
    claims = [claim(LIVER, liver, np.full(SHAPE, 204)), claim(TUMOUR, tumour, np.full(SHAPE, 255))]
    found = joint_confidence(claims, merged((LIVER, liver), (TUMOUR, tumour)))
    np.testing.assert_array_equal(found.codes, 204)


def test_a_coarser_part_in_a_smaller_box_is_brought_to_the_finest_and_is_silent_outside() -> None:
    nothing = np.zeros(SHAPE, np.uint8)
    codes = np.array([[[51, 102]], [[153, 204]]])
    coarse = claim(VESSELS, nothing, codes, (slice(0, 4), slice(2, 6), slice(4, 8)))
    fine = claim(LIVER, nothing, np.full(SHAPE, 255))
    found = joint_confidence([coarse, fine], merged((VESSELS, nothing), (LIVER, nothing)))
    expected = np.zeros(SHAPE, np.uint8)
    for (k, _, i), code in np.ndenumerate(codes):
        expected[2 * k : 2 * k + 2, 2:6, 4 + 2 * i : 6 + 2 * i] = code
    np.testing.assert_array_equal(found.codes, expected)


def test_what_one_part_is_silent_of_is_silent_and_full_doubt_is_said() -> None:
    liver, vessels = np.ones(SHAPE, np.uint8), np.ones(SHAPE, np.uint8)
    codes = np.full(SHAPE, 255)
    codes[0] = 0
    claims = [claim(LIVER, liver, codes), claim(VESSELS, vessels, np.full(SHAPE, 255))]
    found = joint_confidence(claims, merged((LIVER, liver), (VESSELS, vessels)))
    assert np.all(found.codes[0] == 0) and np.all(found.codes[1:] == 1)


@pytest.fixture
def two_parts(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    write_part(folder / "organs", ["liver", "spleen"], 1)
    write_part(folder / "vessels", ["aorta", "inferior vena cava"], 2)
    return write_collection(folder, [{"folder": "organs"}, {"folder": "vessels"}], version="3", modality="CT")


def calibrate(folder: Path, temperature: float) -> None:
    sha256 = read_model_folder(folder).sha256()
    write_calibration(Calibration(sha256, temperature, 0.9, 1.2, ("a", "b"), 6, 0.9, 0.4, 0.1, 0.05), folder)


def segment(folder: Path) -> Segmentation:
    return UNetSegmenter(folder, classical=False).segment(lively_volume(), SILENT)


def test_a_calibrated_collection_has_confidence_and_intervals_that_overlaps_widen(two_parts: Path) -> None:
    calibrate(two_parts / "organs", 1.5)
    calibrate(two_parts / "vessels", 2.0)
    result = segment(two_parts)
    assert result.confidence.is_calibrated
    assert "temperature 1.500, temperature 2.000" in result.confidence.method
    volumes = {s.name: result.labels.volume_ml(s) for s in result.labels.structures if result.labels.voxels(s)}
    found = {interval.structure: interval for interval in result.volume_intervals}
    assert set(found) == set(volumes)
    unit = result.labels.grid.voxel_volume_ml
    for overlap in result.model["overlaps"]:
        assert found[overlap["given_up"]].high_ml >= volumes[overlap["given_up"]] + overlap["voxels"] * unit
    assert result.model["overlaps"]
    # What both parts are asked of is less sure than what one of them is.
    alone = UNetSegmenter(two_parts / "organs", classical=False).segment(lively_volume(), SILENT)
    assert np.all(result.confidence.codes <= np.maximum(alone.confidence.codes, 1))


def test_one_part_without_a_calibration_leaves_its_structures_without_an_interval(two_parts: Path) -> None:
    calibrate(two_parts / "organs", 1.5)
    result = segment(two_parts)
    assert not result.confidence.is_calibrated and "uncalibrated" in result.confidence.method
    assert {i.structure for i in result.volume_intervals} <= {"liver", "spleen"} and result.volume_intervals
