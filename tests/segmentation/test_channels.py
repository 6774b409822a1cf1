from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from segmentation import engine_cache
from segmentation.channels import align_channels, channel_order, covered_share
from segmentation.collection_file import read_collection
from segmentation.infer import Engine
from segmentation.model_folder import read_model_folder
from segmentation.segmenter import UNetSegmenter
from surgtwin.domain.content_hash import content_sha256
from surgtwin.domain.finding import Severity
from surgtwin.domain.geometry import Grid
from surgtwin.domain.patient import Patient
from surgtwin.domain.volume import DicomSource, Modality, SourceInfo, Volume
from surgtwin.errors import ImageError, ModelError, PatientMismatchError
from surgtwin.progress import SILENT
from tests.conftest import rotation

MASKED = next((Path(__file__).parent / "fixtures" / "masked").glob("*/plans.json")).parent
"""A model of two channels, T1 and T2."""
CASE = np.load(MASKED.parent / "case.npz")


def grid_of(shape: Sequence[int], spacing: tuple[float, float, float], angles=(9.0, -6.0, 15.0), shift=0.0) -> Grid:
    return Grid.from_axes(tuple(shape), (-40.0 + shift, 25.0, -180.0), rotation(angles), spacing)


def volume(values: np.ndarray, grid: Grid, frame: str = "1.2.3", patient: Patient | None = None) -> Volume:
    dicom = DicomSource("1", "2", "3", ("4",), frame) if frame else None
    source = SourceInfo("dicom" if frame else "nifti", content_sha256(grid, values), dicom=dicom)
    return Volume(grid, values, Modality.MR, source, patient or Patient())


def wave(grid: Grid) -> np.ndarray:
    """Smooth values that depend on the place in the patient only, [k, j, i]."""
    k, j, i = np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij")
    x, y, z = np.moveaxis(grid.to_lps(np.stack([i, j, k], axis=-1)), -1, 0)
    return (1000 + 300 * np.sin(x / 19) + 200 * np.cos(y / 23) + 4 * z).astype(np.float32)


@pytest.fixture
def two_images() -> tuple[Volume, Volume]:
    """The fixture's T1 and T2, on one oblique grid."""
    k, j, i = (float(s) for s in CASE["spacing"])
    grid = grid_of(CASE["image"].shape[1:], (i, j, k))
    first, second = (volume(np.ascontiguousarray(c), grid) for c in CASE["image"])
    return first, second


def test_two_channels_through_the_segmenter_are_those_of_nnunets_predictor(two_images) -> None:
    result = UNetSegmenter(MASKED).segment_channels(two_images, SILENT)
    expected = CASE["prediction"]
    for value in (1, 2):
        a, b = result.labels.layers[0] == value, expected == value
        assert 2 * (a & b).sum() / (a.sum() + b.sum()) >= 0.999
    assert result.model["channels"] == [v.source.content_sha256 for v in two_images]


def test_named_channels_may_come_in_any_order(two_images) -> None:
    segmenter = UNetSegmenter(MASKED)
    plain = segmenter.segment_channels(two_images, SILENT).labels.layers[0]
    for names in (["T2", "T1"], ["t2", ""], ["", "T1"]):
        named = segmenter.segment_channels(two_images[::-1], SILENT, channels=names).labels.layers[0]
        np.testing.assert_array_equal(named, plain)
    swapped = segmenter.segment_channels(two_images[::-1], SILENT).labels.layers[0]
    assert (swapped != plain).any()


@pytest.mark.parametrize(
    ("count", "names", "said"),
    [
        (1, (), r"needs 2 images \(T1, T2\); 1 given.*--channel"),
        (3, (), r"needs 2 images \(T1, T2\); 3 given"),
        (2, ("", "FLAIR"), "FLAIR are not the model's.*needs: T1, T2"),
        (2, ("T1", "T1"), "T1, T1"),
        (2, ("", ""), "unnamed"),
        (2, ("T1",), "T1 are not"),
    ],
)
def test_wrong_channels_are_refused_before_a_network_is_loaded(
    two_images, monkeypatch: pytest.MonkeyPatch, count: int, names: tuple[str, ...], said: str
) -> None:
    monkeypatch.setattr(engine_cache, "Engine", lambda *_: pytest.fail("a network was loaded"))
    images = [*two_images, two_images[0]][:count]
    with pytest.raises(ModelError, match=said):
        UNetSegmenter(MASKED).segment_channels(images, SILENT, channels=names)


def test_a_model_of_one_channel_refuses_a_second(model_folder: Path, two_images) -> None:
    with pytest.raises(ModelError, match=r"needs one image \(CT\); 2 given"):
        UNetSegmenter(model_folder).segment_channels(two_images, SILENT)
    with pytest.raises(ImageError, match="no image"):
        UNetSegmenter(model_folder).segment_channels([], SILENT)


def test_the_order_is_the_models() -> None:
    model = read_model_folder(MASKED)
    assert model.channel_names == ("T1", "T2")
    assert channel_order(model, 2, ()) == (0, 1) and channel_order(model, 2, ("T2", "T1")) == (1, 0)
    assert read_collection(MASKED).parts[0].model.channel_names == ("T1", "T2")


def test_another_grid_is_resampled_to_the_first_ones_place() -> None:
    fine, coarse = grid_of((16, 24, 28), (2.0, 1.5, 2.5)), grid_of((24, 30, 34), (2.2, 2.4, 3.0), (-20, 30, 4), -12.0)
    first, second = volume(wave(fine), fine), volume(wave(coarse), coarse)
    aligned = align_channels([first, second], ["", "T2"], SILENT)
    assert aligned.volumes[0] is first and aligned.volumes[1].grid.is_same_space(fine)
    inside = _within(coarse, fine)
    assert inside.mean() > 0.5
    np.testing.assert_allclose(aligned.volumes[1].values[inside], first.values[inside], atol=4.0)
    (finding,) = aligned.findings
    assert finding.code == "channel-resampled" and finding.numbers["covered_share"] == covered_share(coarse, fine)
    assert finding.numbers["covered_share"] == pytest.approx(inside.mean(), abs=0.06)
    assert finding.severity == (Severity.WARNING if inside.mean() < 0.999 else Severity.INFO)


def _within(image: Grid, grid: Grid) -> np.ndarray:
    k, j, i = np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij")
    ijk = image.to_ijk(grid.to_lps(np.stack([i, j, k], axis=-1)))
    return np.all((ijk >= 0) & (ijk <= np.array(image.size_ijk) - 1), axis=-1)


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"frame": "9.9"}, ImageError, "another frame of reference"),
        ({"frame": ""}, ImageError, "nothing says"),
        ({"shift": 5000.0}, ImageError, "shows nothing"),
        ({"patient": Patient(patient_id="B")}, PatientMismatchError, "another patient"),
    ],
)
def test_images_that_may_not_belong_together_are_refused(changes: dict, error: type[Exception], said: str) -> None:
    grid = grid_of((10, 12, 14), (2.0, 2.0, 3.0))
    other = grid_of((10, 12, 14), (2.0, 2.0, 3.5), shift=changes.pop("shift", 0.0))
    first = volume(wave(grid), grid, patient=Patient(patient_id="A"))
    with pytest.raises(error, match=said):
        align_channels([first, volume(wave(other), other, **changes)], [], SILENT)


def test_files_without_a_frame_are_taken_on_one_grid_only() -> None:
    grid = grid_of((10, 12, 14), (2.0, 2.0, 3.0))
    first, second = volume(wave(grid), grid, ""), volume(wave(grid) + 1, grid, "")
    aligned = align_channels([first, second], [], SILENT)
    assert aligned.volumes == (first, second) and not aligned.findings
    with pytest.raises(ImageError, match="another frame"):
        moved = replace(second, source=replace(second.source, dicom=DicomSource("1", "2", "3", ("4",), "7")))
        align_channels([volume(wave(grid), grid), moved], [], SILENT)
    with pytest.raises(ImageError, match="same image"):
        align_channels([first, first], [], SILENT)


def test_a_flat_model_through_the_segmenter_is_nnunets(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = next((Path(__file__).parent / "fixtures" / "flat").glob("*/plans.json")).parent
    case = np.load(folder.parent / "case.npz")
    k, j, i = (float(s) for s in case["spacing"])
    grid = grid_of(case["image"].shape[1:], (i, j, k))
    given = replace(volume(np.ascontiguousarray(case["image"][0]), grid), modality=Modality.CT)
    result = UNetSegmenter(folder, classical=False).segment(given, SILENT)
    for value in (1, 2):
        a, b = result.labels.layers[0] == value, case["prediction"] == value
        assert 2 * (a & b).sum() / (a.sum() + b.sum()) >= 0.999
    assert Engine(read_model_folder(folder)).model.plan.architecture.is_flat
