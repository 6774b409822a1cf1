from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from segmentation.surface_points import cell_areas, cell_codes, surface_distances

SPACING = (5.0, 0.8, 1.3)
MULTIPLES = np.array([1, 2, 4, 8, 16, 32, 64, 128]).reshape(2, 2, 2)


def blobs(seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Two rough shapes of several pieces, some at the edge of the array."""
    rng = np.random.default_rng(seed)
    field = gaussian_filter(rng.normal(size=(14, 26, 22)), 1.6)
    other = gaussian_filter(field + 0.1 * rng.normal(size=field.shape), 0.7)
    return field > 0.6 * field.std(), other > 0.6 * field.std()


def slow_elements(mask: np.ndarray, spacing: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Places in mm and areas of the surface elements, looked for cell by cell."""
    padded = np.pad(mask, 1)
    places, areas = [], []
    table = cell_areas(spacing)
    for index in np.ndindex(*(n - 1 for n in padded.shape)):
        cell = padded[tuple(slice(n, n + 2) for n in index)]
        if cell.any() and not cell.all():
            places.append(np.array(index) * spacing)
            areas.append(table[int((cell * MULTIPLES).sum())])
    return np.array(places), np.array(areas)


def slow_quantile(distances: np.ndarray, areas: np.ndarray, share: float) -> float:
    """The first distance, from the nearest element on, at which enough area is gathered."""
    gathered = 0.0
    for distance, area in sorted(zip(distances, areas, strict=True)):
        gathered += area
        if gathered >= share * areas.sum() * (1 - 1e-12):
            return float(distance)
    raise AssertionError("no surface")


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), SPACING])
@pytest.mark.parametrize("seed", [3, 4])
def test_distances_equal_every_element_against_every_other(spacing: tuple[float, float, float], seed: int) -> None:
    a, b = blobs(seed)
    found = surface_distances(a, b, spacing)
    (ours, our_areas), (theirs, their_areas) = slow_elements(a, spacing), slow_elements(b, spacing)
    there, back = cKDTree(theirs).query(ours)[0], cKDTree(ours).query(theirs)[0]
    total = our_areas.sum() + their_areas.sum()
    assert found.hausdorff() == pytest.approx(max(there.max(), back.max()), rel=1e-5)
    slow = max(slow_quantile(there, our_areas, 0.95), slow_quantile(back, their_areas, 0.95))
    assert found.hausdorff(0.95) == pytest.approx(slow, rel=1e-5)
    assert found.mean() == pytest.approx((there @ our_areas + back @ their_areas) / total, rel=1e-5)
    for tolerance in (0.9, 1.7, 5.0):
        near = our_areas[there <= tolerance].sum() + their_areas[back <= tolerance].sum()
        assert found.agreement(tolerance) == pytest.approx(near / total, rel=1e-6)


def test_two_voxels_two_millimetres_apart_score_as_published() -> None:
    """Values of the test of the same shapes in DeepMind's surface-distance."""
    a, b = np.zeros((16, 16, 16), bool), np.zeros((16, 16, 16), bool)
    a[5, 6, 7] = b[5, 6, 9] = True
    found = surface_distances(a, b, (3.0, 2.0, 1.0))
    assert (found.hausdorff(), found.hausdorff(0.95)) == (2.0, 2.0)
    assert found.mean() == pytest.approx(1.5) and found.agreement(1.0) == pytest.approx(0.5)


def test_two_blocks_shifted_by_one_voxel_score_as_published() -> None:
    """Values of the test of the same shapes in DeepMind's surface-distance, given there to three places."""
    reference, found = np.zeros((100, 100, 100), bool), np.zeros((100, 100, 100), bool)
    reference[:50], found[:51] = True, True
    result = surface_distances(found, reference, (2.0, 1.0, 1.0))
    assert (result.hausdorff(), result.hausdorff(0.95)) == (2.0, 2.0)
    means = [
        float(d @ a / a.sum())
        for d, a in ((result.from_reference, result.reference_areas), (result.from_found, result.found_areas))
    ]
    assert means == pytest.approx([0.322, 0.339], abs=5e-4)
    assert result.agreement(1.0) == pytest.approx(0.836, abs=5e-4)


def test_areas_of_simple_cells_are_those_of_their_triangles_and_rectangles() -> None:
    a, b, c = SPACING
    areas = cell_areas(SPACING)
    corner = np.linalg.norm(np.cross([-a / 2, b / 2, 0], [-a / 2, 0, c / 2])) / 2
    assert areas[1] == areas[254] == pytest.approx(corner)
    assert areas[0b00001111] == pytest.approx(b * c), "a whole face k = 0: a plane across k"
    assert areas[0b00110011] == pytest.approx(a * c) and areas[0b01010101] == pytest.approx(a * b)
    assert areas[0b00000011] == pytest.approx(c * np.hypot(a / 2, b / 2)), "an edge along i"
    assert areas[0b10000001] == pytest.approx(2 * corner), "two opposite corners"
    assert areas[0] == areas[255] == 0.0 and np.all(areas[1:255] > 0)


def test_areas_add_up_to_the_surface_of_a_bevelled_box() -> None:
    box = np.zeros((9, 14, 11), bool)
    box[2:6, 3:12, 1:8] = True
    steps = np.array(SPACING)
    sides = (np.array([4, 9, 7]) - 1) * steps
    a, b, c = steps / 2
    faces = 2 * (sides[0] * sides[1] + sides[1] * sides[2] + sides[0] * sides[2])
    bevels = 4 * (sides[0] * np.hypot(b, c) + sides[1] * np.hypot(a, c) + sides[2] * np.hypot(a, b))
    corners = 8 * np.linalg.norm(np.cross([-a, b, 0], [-a, 0, c])) / 2
    assert cell_areas(SPACING)[cell_codes(box)].sum() == pytest.approx(faces + bevels + corners)


def pattern(step: int) -> np.ndarray:
    """A rough shape from whole numbers alone, with most of the 254 kinds of cells."""
    k, j, i = np.indices((18, 21, 23))
    return (7 * k * k + 3 * j * j * i + 5 * i * k + step * j) % 11 < 4


@pytest.mark.parametrize(
    ("spacing", "areas", "hausdorff", "robust", "means", "agreement"),
    [
        (SPACING, (15622.19732, 15840.06707), 5.635601121, 0.8, (0.1168886699, 0.1334246886), 0.9710688571),
        ((1.0, 1.0, 1.0), (3790.140645, 3741.546162), 5**0.5, 1.0, (0.1309268605, 0.1095323103), 0.9880786158),
    ],
)
def test_rough_shapes_score_as_deepminds_program_scores_them(
    spacing: tuple[float, float, float],
    areas: tuple[float, float],
    hausdorff: float,
    robust: float,
    means: tuple[float, float],
    agreement: float,
) -> None:
    """Figures from surface-distance 0.1 for these shapes, percentile 95 and tolerance 1 mm."""
    a, b = pattern(1), pattern(2)
    a[:, 10:], b[:, 9:] = False, False
    a[6:9, 12:19, 3:20], b[6:10, 13:19, 5:22] = True, True
    found = surface_distances(a, b, spacing)
    assert (found.found_areas.sum(), found.reference_areas.sum()) == pytest.approx(areas, rel=1e-8)
    assert found.hausdorff() == pytest.approx(hausdorff, rel=1e-6)
    assert found.hausdorff(0.95) == pytest.approx(robust, rel=1e-6)
    there = found.from_found @ found.found_areas / found.found_areas.sum()
    back = found.from_reference @ found.reference_areas / found.reference_areas.sum()
    assert (there, back) == pytest.approx(means, rel=1e-6)
    assert found.agreement(1.0) == pytest.approx(agreement, rel=1e-8)


def test_a_distance_of_the_tolerance_is_within_it_whatever_the_rounding() -> None:
    a, b = np.zeros((6, 12, 6), bool), np.zeros((6, 12, 6), bool)
    a[2:4, 2:5, 2:4] = True
    b[2:4, 4:7, 2:4] = True
    spacing = float(np.float32(0.7))
    assert surface_distances(a, b, (1.0, spacing, 1.0)).agreement(1.4) == 1.0
