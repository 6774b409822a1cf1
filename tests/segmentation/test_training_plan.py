"""Planning: grid, patch and network from the data's fingerprint, as nnU-Net's rules have it."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest

from segmentation.dataset import load_cases
from segmentation.fingerprint import Fingerprint, measure_fingerprint, open_data_set
from segmentation.training_config import read_config
from segmentation.training_plan import (
    SMALLEST_BATCH,
    VALUES_PER_GB,
    config_text,
    conv_values,
    held_out,
    plan_network,
    plan_training,
    target_spacing,
)
from surgtwin.errors import InputError, LabelError


def print_of(spacing: tuple[float, ...], tenth: tuple[float, ...], shape: tuple[float, ...]) -> Fingerprint:
    size = tuple(n * s for n, s in zip(shape, spacing, strict=True))
    return Fingerprint(20, spacing, tenth, shape, size, 1e9, -100.0, 200.0, 50.0, 60.0)


def write_raw(
    folder: Path, labels: dict[str, object], count: int = 3, channels: int = 1, shift_mm: float = 0.0
) -> Path:
    """nnU-Net's raw layout with off-origin images of 2 x 2 x 5 mm; label values 1 and 7."""
    import SimpleITK

    for name in ("imagesTr", "labelsTr"):
        (folder / name).mkdir(parents=True)
    rng = np.random.default_rng(1)
    for n in range(count):
        truth = np.zeros((16, 40, 48), dtype=np.uint8)
        truth[4:12, 10:30, 5:20] = 7
        truth[5:10, 12:28, 30:42] = 1
        image = np.where(truth > 0, 100, -900) + rng.normal(0, 10, truth.shape)
        for place, values in (("imagesTr", image.astype(np.int16)), ("labelsTr", truth)):
            file = SimpleITK.GetImageFromArray(values)
            file.SetSpacing((2.0, 2.0, 5.0))
            file.SetOrigin((31.0 + (shift_mm if place == "labelsTr" else 0.0), -70.0, 12.0))
            suffix = "_0000" if place == "imagesTr" else ""
            SimpleITK.WriteImage(file, str(folder / place / f"p{n}{suffix}.nii.gz"))
    told = {"channel_names": {str(c): "CT" for c in range(channels)}, "labels": labels, "file_ending": ".nii.gz"}
    (folder / "dataset.json").write_text(json.dumps(told))
    return folder


NAMED = {"background": 0, "spleen": 1, "liver": 7}


def test_a_planned_configuration_reads_back_and_its_cases_load(tmp_path: Path) -> None:
    data = open_data_set(write_raw(tmp_path / "Dataset007_X", NAMED))
    config = plan_training(data, memory_gb=4.0, minutes=60)
    (tmp_path / "config.json").write_text(config_text(config))
    again = read_config(tmp_path / "config.json")
    assert again.labels == {"background": 0, "spleen": 1, "liver": 2} and again.spacing_mm == (5.0, 2.0, 2.0)
    assert again.fingerprint["median_spacing"] == [5.0, 2.0, 2.0] and again.budget.minutes == 60
    assert again.value_range is not None and 60 < again.value_range[0] < 90 and 110 < again.value_range[1] < 140
    for root in (tmp_path, tmp_path / "Dataset007_X"):
        cases = load_cases(again, [root], tmp_path / "cache")
        assert [c.name for c in cases] == [f"Dataset007_X/p{n}" for n in range(3)]
        assert set(np.unique(cases[0].labels)) == {0, 1, 2}


def test_a_coarse_axis_takes_its_tenth_percentile() -> None:
    thick = print_of((6.0, 0.8, 0.8), (2.5, 0.7, 0.7), (40.0, 512.0, 512.0))
    assert target_spacing(thick) == (2.5, 0.8, 0.8)
    assert target_spacing(print_of((6.0, 0.8, 0.8), (0.5, 0.7, 0.7), (40.0, 512.0, 512.0)))[0] == 0.8
    assert target_spacing(print_of((2.0, 0.8, 0.8), (0.9, 0.7, 0.7), (150.0, 512.0, 512.0))) == (2.0, 0.8, 0.8)
    assert target_spacing(print_of((0.9, 0.9, 5.0), (0.9, 0.9, 3.0), (320.0, 320.0, 30.0)))[2] == 3.0, "sagittal slices"


@pytest.mark.parametrize(
    ("spacing", "shape"),
    [((1.0, 1.0, 1.0), (160, 180, 150)), ((5.0, 0.7, 0.7), (60, 512, 512)), ((0.8, 0.8, 4.0), (400, 380, 40))],
)
@pytest.mark.parametrize("memory", [2.0, 8.0, 24.0])
def test_networks_fit_memory_patch_and_body(
    spacing: tuple[float, ...], shape: tuple[float, ...], memory: float
) -> None:
    plan = plan_network(spacing, shape, 14, memory)
    step = [math.prod(s[axis] for s in plan.strides) for axis in range(3)]
    assert all(n % d == 0 and n // d >= 4 for n, d in zip(plan.patch, step, strict=True))
    assert all(n < size + d for n, size, d in zip(plan.patch, shape, step, strict=True))
    assert conv_values(plan, 14) * SMALLEST_BATCH <= memory * VALUES_PER_GB
    coarse = int(np.argmax(spacing))
    if max(spacing) / min(spacing) > 2:
        assert plan.kernel_sizes[0][coarse] == 1 and plan.strides[1][coarse] == 1
    assert plan.strides[0] == (1, 1, 1) and plan.kernel_sizes[-1] == (3, 3, 3)


def test_the_reference_plan_is_nnunets() -> None:
    """nnU-Net plans 128 x 128 x 128 with six stages for isotropic images of more than that, in its 8 GB."""
    plan = plan_network((1.0, 1.0, 1.0), (138.0, 170.0, 138.0), 4, 8.0)
    assert sorted(plan.patch) == [128, 128, 128] and plan.features == (32, 64, 128, 256, 320, 320)


def test_the_smallest_and_no_memory() -> None:
    with pytest.raises(InputError, match="too little"):
        plan_network((1.0, 1.0, 1.0), (100.0, 100.0, 100.0), 4, 0.0001)


def test_the_same_cases_are_always_held_out() -> None:
    names = [f"d/{n}" for n in range(25)]
    assert held_out(names) == held_out(names) and len(held_out(names)) == 5
    assert len(held_out(names[:2])) == 1 and len(held_out([f"d/{n}" for n in range(500)])) == 10


def test_what_training_cannot_do_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="2 channels"):
        open_data_set(write_raw(tmp_path / "a", NAMED, 1, channels=2))
    with pytest.raises(InputError, match="region"):
        open_data_set(write_raw(tmp_path / "b", {"background": 0, "whole": [1, 7]}, 1))
    with pytest.raises(InputError, match="ignore"):
        open_data_set(write_raw(tmp_path / "c", {**NAMED, "ignore": 8}, 1))
    with pytest.raises(LabelError, match=r"without a name: \[7\]"):
        measure_fingerprint(open_data_set(write_raw(tmp_path / "d", {"background": 0, "spleen": 1}, 1)))
    with pytest.raises(InputError, match="one case"):
        plan_training(open_data_set(write_raw(tmp_path / "e", NAMED, 1)))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="neither imagesTr"):
        open_data_set(tmp_path / "empty")


def test_labels_that_lie_beside_their_image_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="voxels away"):
        measure_fingerprint(open_data_set(write_raw(tmp_path / "a", NAMED, 1, shift_mm=2.0)))


def test_old_lists_of_labels_are_understood(tmp_path: Path) -> None:
    data = open_data_set(write_raw(tmp_path / "a", {"0": "background", "1": "spleen", "7": "liver"}, 1))
    assert data.labels == NAMED and dataclasses.asdict(data.source)["images"] == "imagesTr"
