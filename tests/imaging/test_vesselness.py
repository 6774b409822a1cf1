from __future__ import annotations

import numpy as np
import pytest

from surgtwin.domain.geometry import Grid
from surgtwin.errors import Cancelled, ImageError
from surgtwin.imaging.vesselness import isotropic_grid, vesselness
from surgtwin.progress import Progress
from tests.conftest import make_oblique_grid

SIZE, STEP = 40, 1.0
RADII = (1.5, 2.2, 3.2, 4.5)


def from_middle() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    k, j, i = np.indices((SIZE,) * 3) * STEP - SIZE * STEP / 2
    return k, j, i


def soft(distance: np.ndarray) -> np.ndarray:
    """Share of a voxel that lies within a surface at distance 0."""
    return np.clip(0.5 - distance / STEP, 0, 1).astype(np.float32)


@pytest.mark.parametrize("radius", [2.2, 3.2, 4.5])
def test_a_tube_answers_with_its_contrast_and_its_radius(radius: float) -> None:
    _, j, i = from_middle()
    response, found = vesselness(40 * soft(np.hypot(j, i) - radius), STEP, RADII, noise=2.0)
    middle = (SIZE // 2,) * 3
    assert response[middle] == pytest.approx(40, rel=0.15)
    assert found[middle] == radius


def test_the_answer_does_not_depend_on_the_direction_of_the_tube() -> None:
    k, j, i = from_middle()
    along = np.array([2.0, -1.0, 1.5]) / np.linalg.norm([2.0, -1.0, 1.5])
    places = np.stack([k, j, i], axis=-1)
    aside = np.linalg.norm(places - (places @ along)[..., None] * along, axis=-1)
    response, _ = vesselness(40 * soft(aside - 3.2), STEP, RADII, noise=2.0)
    assert response[SIZE // 2, SIZE // 2, SIZE // 2] == pytest.approx(40, rel=0.15)


def test_a_plate_and_a_ball_answer_far_less_than_a_tube() -> None:
    k, j, i = from_middle()
    middle = (SIZE // 2,) * 3
    plate, _ = vesselness(40 * soft(np.abs(i) - 2.2), STEP, RADII, noise=2.0)
    ball, _ = vesselness(40 * soft(np.sqrt(k**2 + j**2 + i**2) - 3.2), STEP, RADII, noise=2.0)
    assert plate[middle] < 4
    assert ball[middle] < 20


def test_a_dark_tube_and_an_even_image_answer_nothing() -> None:
    _, j, i = from_middle()
    dark, radius = vesselness(-40 * soft(np.hypot(j, i) - 3.2), STEP, RADII, noise=2.0)
    even, _ = vesselness(np.full((SIZE,) * 3, 100.0), STEP, RADII, noise=2.0)
    assert dark[SIZE // 2, SIZE // 2, SIZE // 2] == 0
    assert radius[SIZE // 2, SIZE // 2, SIZE // 2] == 0
    assert not even.any()


@pytest.mark.parametrize(
    ("step", "radii", "noise"), [(0.0, RADII, 1.0), (1.0, (), 1.0), (1.0, (2.0, 0.0), 1.0), (1.0, RADII, 0.0)]
)
def test_lengths_and_noise_must_be_positive(step: float, radii: tuple[float, ...], noise: float) -> None:
    with pytest.raises(ImageError, match="above 0"):
        vesselness(np.zeros((8, 8, 8)), step, radii, noise=noise)


def test_an_image_without_room_for_a_curvature_is_refused() -> None:
    with pytest.raises(ImageError, match="too small"):
        vesselness(np.zeros((3, 20, 20)), 1.0, RADII, noise=1.0)


def test_it_stops_when_asked() -> None:
    with pytest.raises(Cancelled):
        vesselness(np.zeros((8, 8, 8)), 1.0, RADII, noise=1.0, progress=Progress(is_cancelled=lambda: True))


def test_cubes_cover_the_mask_and_its_margin_on_an_oblique_grid() -> None:
    grid = make_oblique_grid()
    mask = np.zeros(grid.shape, dtype=bool)
    mask[6:9, 8:15, 5:11] = True
    cubes = isotropic_grid(grid, mask, 0.8, 4.0)
    assert cubes.spacing == pytest.approx((0.8,) * 3)
    assert cubes.direction == pytest.approx(grid.direction)
    corners = grid.to_lps([[4.5, 7.5, 5.5], [10.5, 14.5, 8.5]])
    index = cubes.to_ijk(corners)
    assert index[0] == pytest.approx([4.5, 4.5, 4.5])
    assert np.all(index[1] <= np.asarray(cubes.size_ijk) - 0.5 - 5 + 1e-6)


def test_cubes_have_right_angles_where_slices_are_sheared() -> None:
    matrix = np.diag([1.0, 1.0, 3.0, 1.0])
    matrix[1, 2] = 0.8
    sheared = Grid((10, 12, 14), matrix)
    cubes = isotropic_grid(sheared, np.ones(sheared.shape, dtype=bool), 1.0, 0.0)
    assert cubes.direction.T @ cubes.direction == pytest.approx(np.eye(3))
    inside = cubes.to_ijk(sheared.corners())
    assert np.all(inside >= -0.5 - 1e-6)
    assert np.all(inside <= np.asarray(cubes.size_ijk) - 0.5 + 1e-6)


def test_no_cubes_about_an_empty_mask() -> None:
    with pytest.raises(ImageError, match="no voxels"):
        isotropic_grid(make_oblique_grid(), np.zeros((20, 24, 28), dtype=bool), 1.0, 2.0)
