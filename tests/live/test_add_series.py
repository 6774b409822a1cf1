"""A further series is laid on the twin; what it shows beside the outlines is measured; strangers are refused."""

from __future__ import annotations

import json
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.patient import Patient
from surgtwin.domain.structure_table import structure_for
from surgtwin.errors import ImageError, PatientMismatchError, TwinError
from surgtwin.live.add_series import add_series
from surgtwin.live.placed_image import image_in_twin
from surgtwin.pipeline.build_twin import build_twin
from surgtwin.pipeline.ports import Segmentation
from surgtwin.store.load import load_twin
from surgtwin.store.save import save_twin
from tests.conftest import rotation
from tests.registration.bodies import MIDDLE, back_of, body_grid, bulge, image_of, inner_points, places
from ui.cli.main import main

WHO = Patient("A-1", name="A", birth_date="19700101")


@pytest.fixture(scope="module")
def twin():
    grid = body_grid()
    layer = (np.linalg.norm((places(grid) - MIDDLE) / (44, 34, 36), axis=-1) < 1).astype(np.uint8)
    labels = LabelMap(grid, (layer,), (structure_for(1, "liver"),))
    return build_twin(replace(image_of(grid, noise=8, seed=1), patient=WHO), lambda v, p: Segmentation(labels))


def turned() -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = rotation((2.0, -3.0, 4.0))
    matrix[:3, 3] = MIDDLE - matrix[:3, :3] @ MIDDLE + (9.0, -6.0, 4.0)
    return matrix


@pytest.mark.parametrize("mr", [False, True])
def test_another_series_lies_where_the_patient_is(twin, mr: bool) -> None:
    matrix = turned()
    other = image_of(
        body_grid(angles=(0, 0, 0)),
        lambda p: p @ np.linalg.inv(matrix)[:3, :3].T + np.linalg.inv(matrix)[:3, 3],
        noise=8,
        seed=2,
        mr=mr,
    )
    added = add_series(twin, replace(other, patient=WHO), "mr" if mr else "arterial")
    points = inner_points()
    there = points @ matrix[:3, :3].T + matrix[:3, 3]
    back = there @ added.image.twin_from_image[:3, :3].T + added.image.twin_from_image[:3, 3]
    assert np.linalg.norm(back - points, axis=1).max() < (1.2 if mr else 0.9)
    assert added.is_passed
    assert added.rest_mm < 1.0
    placed = image_in_twin(added.image)
    assert np.array_equal(placed.values, other.values)
    assert placed.grid.to_lps((0, 0, 0)) == pytest.approx(
        added.image.twin_from_image[:3, :3] @ other.grid.origin + added.image.twin_from_image[:3, 3]
    )


def test_the_twins_own_organs_are_left_alone(twin) -> None:
    added = add_series(twin, replace(image_of(body_grid(), noise=8, seed=2), patient=WHO), "portal")
    assert added.twin.labels is twin.labels
    assert added.twin.meshes == twin.meshes
    assert added.twin.registration is None


def test_breathing_between_the_series_is_measured_and_told(twin) -> None:
    other = replace(image_of(body_grid(), back_of(bulge(12.0)), noise=8, seed=2), patient=WHO)
    added = add_series(twin, other, "prior")
    assert 1.5 < added.rest_mm < 12
    assert "series-laid-on" in [f.code for f in added.twin.findings]


def test_noise_passes_no_gate(twin) -> None:
    values = np.random.default_rng(0).normal(0, 300, twin.primary.grid.shape).astype(np.int16)
    noise = replace(image_of(body_grid(), noise=1), values=values, patient=WHO)
    assert not add_series(twin, noise, "prior").is_passed


def test_strangers_twice_the_same_and_images_elsewhere_are_refused(twin) -> None:
    other = image_of(body_grid(), noise=8, seed=2)
    with pytest.raises(PatientMismatchError):
        add_series(twin, replace(other, patient=Patient("B-2", birth_date="19500505")), "prior")
    with pytest.raises(TwinError, match="already"):
        add_series(twin, twin.primary, "prior")
    with pytest.raises(TwinError, match="one primary"):
        add_series(twin, other, "primary")
    away = other.grid.lps_from_ijk.copy()
    away[:3, 3] += 900
    with pytest.raises(ImageError, match="hardly overlap"):
        add_series(twin, replace(other, grid=Grid(other.grid.shape, away)), "prior")


def test_the_command_adds_a_revision(twin, tmp_path, capsys) -> None:
    save_twin(twin, tmp_path / "case.twin")
    other = image_of(body_grid(), noise=8, seed=2)
    ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ other.grid.lps_from_ijk
    nib.save(nib.Nifti1Image(np.asarray(other.values).transpose(2, 1, 0), ras), tmp_path / "new.nii.gz")
    command = [
        "add",
        str(tmp_path / "case.twin"),
        str(tmp_path / "new.nii.gz"),
        "--role",
        "portal",
        "--accept",
        "--json",
    ]
    assert main(command) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["state"], answer["role"], answer["image_id"]) == ("accepted", "portal", "image-2")
    assert [i.role for i in load_twin(tmp_path / "case.twin").images] == ["primary", "portal"]
    assert main([*command[:-2], "--json"]) == 3
