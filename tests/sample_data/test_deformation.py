"""Known deformations: invertible, quiet where nothing moves, and seen in the image as they are stated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sample_data.deformation import (
    INVERSE_TOLERANCE_MM,
    Breathing,
    Deformation,
    Insufflation,
    Still,
    apply,
    invert,
    jacobian,
    parse,
)
from sample_data.phantom import SMALL, make_phantom
from surgtwin.errors import InputError

KINDS = [Breathing(15.0), Breathing(-12.0), Breathing(30.0), Insufflation(20.0), Insufflation(45.0)]


def points_in_and_around_a_body() -> np.ndarray:
    return np.random.default_rng(0).uniform((-180, -150, -180), (180, 150, 240), (4000, 3))


@pytest.mark.parametrize("deformation", KINDS, ids=str)
def test_the_inverse_takes_every_point_back(deformation: Deformation) -> None:
    points = points_in_and_around_a_body()
    assert np.abs(invert(deformation, apply(deformation, points)) - points).max() < 10 * INVERSE_TOLERANCE_MM


@pytest.mark.parametrize("deformation", KINDS, ids=str)
def test_space_never_folds(deformation: Deformation) -> None:
    assert jacobian(deformation, points_in_and_around_a_body()).min() > 0.05


@pytest.mark.parametrize("deformation", KINDS, ids=str)
def test_no_point_moves_further_than_stated(deformation: Deformation) -> None:
    points = points_in_and_around_a_body()
    moved = np.linalg.norm(apply(deformation, points) - points, axis=1)
    assert 0.3 * deformation.max_mm < moved.max() <= deformation.max_mm


def test_breathing_moves_the_liver_down_and_leaves_the_spine() -> None:
    liver, spine, pelvis = np.array([[-60.0, -10.0, 80.0], [0.0, 75.0, 80.0], [0.0, 0.0, -150.0]])
    breathing = Breathing(20.0)
    assert apply(breathing, liver)[2] - liver[2] < -15
    assert abs(apply(breathing, spine)[2] - spine[2]) < 1.5
    assert abs(apply(breathing, pelvis)[2] - pelvis[2]) < 0.5


def test_insufflation_lifts_the_wall_and_leaves_the_back() -> None:
    wall, back = np.array([[0.0, -95.0, -5.0], [0.0, 90.0, -5.0]])
    insufflation = Insufflation(30.0)
    assert apply(insufflation, wall)[1] - wall[1] < -25
    assert abs(apply(insufflation, back)[1] - back[1]) < 0.01


def test_the_deformed_phantom_is_the_phantom_moved() -> None:
    """Labels of the deformed phantom at phi(q) are those of the phantom at rest at q."""
    spec = replace(SMALL, shape=(58, 76, 76), spacing_mm=(5.0, 5.0, 5.0), noise_hu=0.0)
    rest = make_phantom(spec)
    moved = make_phantom(replace(spec, deformation=Breathing(25.0)))
    kji = np.argwhere(rest.labels.mask("liver"))
    q = rest.labels.grid.to_lps(kji[:, ::-1]) - np.asarray(spec.origin_mm)
    there = np.rint(moved.labels.grid.to_ijk(apply(Breathing(25.0), q) + np.asarray(spec.origin_mm))).astype(int)
    share = np.mean(moved.labels.mask("liver")[tuple(there[:, ::-1].T)])
    overlap_at_rest = np.mean(moved.labels.mask("liver")[tuple(kji.T)])
    assert share > 0.9
    assert share > overlap_at_rest + 0.1
    shift = np.argwhere(moved.labels.mask("liver")).mean(axis=0)[0] - kji.mean(axis=0)[0]
    assert -25 < shift * 5.0 < -10


def test_insufflation_makes_a_gas_bubble_under_the_wall() -> None:
    spec = replace(SMALL, shape=(29, 76, 76), spacing_mm=(5.0, 5.0, 10.0), noise_hu=0.0)
    rest, blown = make_phantom(spec), make_phantom(replace(spec, deformation=Insufflation(30.0)))
    gas = [np.sum((p.volume.values < -500) & p.labels.mask("body")) for p in (rest, blown)]
    bodies = [np.sum(p.labels.mask("body")) for p in (rest, blown)]
    assert gas[1] * rest.labels.grid.voxel_volume_ml > gas[0] * rest.labels.grid.voxel_volume_ml + 300
    assert bodies[1] > bodies[0]


def test_a_deformation_that_folds_space_is_refused() -> None:
    with pytest.raises(InputError, match="folds space"):
        replace(SMALL, deformation=Breathing(150.0))


def test_deformations_are_read_from_text() -> None:
    assert parse("breathing:12.5") == Breathing(12.5)
    assert parse("insufflation:20") == Insufflation(20.0)
    assert parse("none") == Still()
    with pytest.raises(InputError, match="breathing:MM"):
        parse("sneezing:3")
