"""Planes of one value at an image's faces are padding or blanked parts; air around a patient is neither."""

from __future__ import annotations

import numpy as np
import pytest

from segmentation.placed import Placed
from segmentation.scan_field import check_blank, measured_box
from surgtwin.domain.geometry import Grid
from surgtwin.domain.volume import Modality, SourceInfo, Volume
from tests.conftest import rotation

SHAPE = (20, 40, 50)
GRID = Grid.from_axes(SHAPE, (70.0, -30.0, 500.0), rotation((4.0, -3.0, 6.0)), (3.0, 3.0, 6.0))
WHOLE = tuple(slice(0, n) for n in SHAPE)


def noise() -> np.ndarray:
    return np.random.default_rng(4).integers(-60, 80, SHAPE).astype(np.int16)


def trunk(air: int) -> tuple[np.ndarray, Placed]:
    """A round trunk in air of one value, whose first and last columns are air through and through."""
    _, j, i = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    inside = np.broadcast_to((j - 20) ** 2 / 15**2 + (i - 25) ** 2 / 18**2 < 1, SHAPE)
    return np.where(inside, noise(), air), Placed("body", GRID, WHOLE, inside)


def volume(values: np.ndarray) -> Volume:
    return Volume(GRID, values, Modality.CT, SourceInfo("synthetic", "0" * 64))


def test_an_image_with_noise_everywhere_was_measured_everywhere() -> None:
    assert measured_box(noise(), None) == WHOLE


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("is_last", [False, True])
def test_a_few_planes_of_one_value_at_a_face_are_padding(axis: int, is_last: bool) -> None:
    values = noise()
    size = SHAPE[axis]
    part = slice(size - 2, size) if is_last else slice(0, 2)
    values[tuple(part if n == axis else slice(None) for n in range(3))] = -125
    kept = slice(0, size - 2) if is_last else slice(2, size)
    assert measured_box(values, None) == tuple(kept if n == axis else WHOLE[n] for n in range(3))


@pytest.mark.parametrize("is_known", [False, True])
def test_air_of_one_value_around_a_rounded_body_was_measured(is_known: bool) -> None:
    values, body = trunk(air=-125)
    assert measured_box(values, body if is_known else None) == WHOLE


@pytest.mark.parametrize("blank", [-125, 0])
def test_a_half_of_one_value_was_not_measured_whatever_that_value_is(blank: int) -> None:
    values, body = trunk(air=-125)
    values[:, :, 25:] = blank
    mask = body.mask.copy()
    mask[:, :, 25:] = blank == 0
    field = measured_box(values, Placed("body", GRID, WHOLE, mask))
    assert field == (*WHOLE[:2], slice(0, 25))
    (found,) = check_blank(volume(values), field)
    assert found.code == "blank-part" and found.message.startswith("The left 50% of the image")
    assert f"({blank})" in found.message and found.numbers["share"] == 0.5


def test_an_image_of_one_value_has_no_field_to_shrink_to() -> None:
    assert measured_box(np.zeros(SHAPE), None) == WHOLE
