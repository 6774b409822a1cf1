from __future__ import annotations

from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
import torch

from segmentation.device import choose_compute
from segmentation.model_folder import read_model_folder
from segmentation.registry import SHIPPED, find_model, shipped_for
from segmentation.segmenter import UNetSegmenter
from surgtwin.domain.geometry import Grid
from surgtwin.domain.volume import Modality, SourceInfo, Volume
from surgtwin.errors import Cancelled, DeviceError, ModelError
from surgtwin.progress import SILENT, Progress


def image_in_lps() -> np.ndarray:
    """A lively image [k, j, i] on a 3 x 2 x 2 mm LPS grid, without symmetry."""
    k, j, i = np.meshgrid(np.arange(14), np.arange(20), np.arange(22), indexing="ij")
    return (150 * np.sin(0.5 * i + 0.2 * k) * np.cos(0.4 * j) + 3 * k + 5).astype(np.int16)


def volume_of(values: np.ndarray, grid: Grid, modality: Modality = Modality.CT) -> Volume:
    return Volume(grid, values, modality, SourceInfo("synthetic", "0" * 64))


def segment(folder: Path, volume: Volume) -> np.ndarray:
    return UNetSegmenter(folder, classical=False).segment(volume, SILENT).labels.layers[0]


def test_the_same_patient_gets_the_same_labels_in_all_48_orientations(model_folder: Path) -> None:
    values = image_in_lps()
    grid = Grid.from_axes(values.shape, (-10.0, 20.0, -300.0), np.eye(3), (2.0, 2.0, 3.0))
    truth = segment(model_folder, volume_of(values, grid))
    assert len(np.unique(truth)) > 1
    for order in list(permutations(range(3)))[::2]:
        for signs in list(product((1, -1), repeat=3))[::3]:
            flips = tuple(slice(None, None, s) for s in signs)
            axes_ijk = [2 - order[2 - n] for n in range(3)]
            direction = np.eye(3)[:, axes_ijk] * [signs[2], signs[1], signs[0]]
            spacing = tuple(grid.spacing[a] for a in axes_ijk)
            turned = volume_of(
                np.ascontiguousarray(values.transpose(order)[flips]),
                Grid.from_axes(values.transpose(order).shape, (1.0, 2.0, 3.0), direction, spacing),
            )
            found = segment(model_folder, turned)
            np.testing.assert_array_equal(found, truth.transpose(order)[flips])


def test_structures_methods_and_model_are_described(model_folder: Path) -> None:
    values = image_in_lps()
    grid = Grid.from_axes(values.shape, (0, 0, 0), np.eye(3), (2.0, 2.0, 3.0))
    result = UNetSegmenter(model_folder).segment(volume_of(values, grid), SILENT)
    assert [s.name for s in result.labels.structures][:3] == ["spleen", "liver", "aorta"]
    assert result.methods["liver"] == "network tiny 0.1"
    assert result.model["device"] == "cpu" and result.model["precision"] == "float32"
    assert len(result.model["sha256"]) == 64
    assert "clipped-ct" in {f.code for f in result.findings} or "no-body" in {f.code for f in result.findings}


def test_a_model_for_another_modality_is_said(model_folder: Path) -> None:
    values = image_in_lps()
    grid = Grid.from_axes(values.shape, (0, 0, 0), np.eye(3), (2.0, 2.0, 3.0))
    result = UNetSegmenter(model_folder).segment(volume_of(values, grid, Modality.MR), SILENT)
    assert "wrong-modality" in {f.code for f in result.findings}


def test_progress_reaches_the_end_and_cancels(model_folder: Path) -> None:
    values = image_in_lps()
    volume = volume_of(values, Grid.from_axes(values.shape, (0, 0, 0), np.eye(3), (2.0, 2.0, 3.0)))
    seen: list[float] = []
    UNetSegmenter(model_folder).segment(volume, Progress(lambda f, _: seen.append(f)))
    assert seen == sorted(seen) and seen[-1] > 0.9
    with pytest.raises(Cancelled):
        UNetSegmenter(model_folder).segment(volume, Progress(None, lambda: True))


def test_an_unknown_modality_needs_a_model() -> None:
    grid = Grid.from_axes((4, 4, 4), (0, 0, 0), np.eye(3), (1.0, 1.0, 1.0))
    with pytest.raises(ModelError, match="modality"):
        UNetSegmenter().segment(volume_of(np.zeros((4, 4, 4), np.int16), grid, Modality.OTHER), SILENT)


def test_the_registry_knows_its_models() -> None:
    assert shipped_for("CT").name == "ct_abdomen" and shipped_for("MR").name == "mr_abdomen"
    with pytest.raises(ModelError, match="models for CT, MR"):
        shipped_for("OTHER")
    with pytest.raises(ModelError, match="ct_abdomen"):
        find_model("nowhere")


@pytest.mark.parametrize("row", SHIPPED, ids=lambda row: row.name)
def test_shipped_folders_hold_what_the_registry_says(row) -> None:
    if not row.folder.is_dir():
        pytest.skip(f"{row.name} is not in the box yet")
    model = read_model_folder(row.folder)
    assert tuple(sorted(model.labels.names, key=model.labels.names.__getitem__)) == row.structures
    assert model.modality == row.modality and model.orientation == "LPS"
    assert all(f.stat().st_size < 15e6 for f in row.folder.rglob("*"))
    assert (row.folder / "README.md").is_file()


def test_a_missing_device_is_said() -> None:
    with pytest.raises(DeviceError, match="choose one of"):
        choose_compute("tpu", fast=False)
    if not torch.cuda.is_available():
        with pytest.raises(DeviceError, match="CUDA"):
            choose_compute("cuda", fast=False)
    assert choose_compute("cpu", fast=False).precision == "float32"
