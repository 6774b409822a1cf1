from __future__ import annotations

import numpy as np
import pytest

from segmentation.classical import closed, find_body, find_classical, is_clipped
from surgtwin.domain.geometry import Grid

SPACING = (4.0, 2.5, 2.5)
SHAPE = (40, 80, 100)


def body_phantom() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """A torso [k, j, i] with lungs, a spine, bowel gas, and a table below it."""
    rng = np.random.default_rng(3)
    z, y, x = (np.arange(n, dtype=np.float64) - n / 2 + 0.5 for n in SHAPE)
    z, y, x = np.meshgrid(z * SPACING[0], y * SPACING[1], x * SPACING[2], indexing="ij")
    body = (x / 105) ** 2 + (y / 75) ** 2 < 1
    lungs = np.zeros(SHAPE, bool)
    for side in (-55, 55):
        lungs |= ((x - side) / 35) ** 2 + (y / 45) ** 2 + ((z - 60) / 70) ** 2 < 1
    bone = ((x / 20) ** 2 + ((y - 50) / 18) ** 2 < 1) & body
    gas = (x - 30) ** 2 + (y + 40) ** 2 + (z + 50) ** 2 < 15**2
    hu = np.full(SHAPE, -1000.0)
    hu[body] = 40
    hu[lungs] = -800
    hu[bone] = 300
    hu[bone & (((x / 20) ** 2 + ((y - 50) / 18) ** 2) > 0.7)] = 700
    hu[gas] = -1000
    hu[(y > 79) & (y < 90)] = 100
    hu += rng.normal(0, 12, SHAPE)
    return hu.astype(np.int16), {"body": body, "lungs": lungs, "bone": bone, "gas": gas}


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


@pytest.fixture(scope="module")
def phantom() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    return body_phantom()


def grid() -> Grid:
    return Grid.from_axes(SHAPE, (1.0, 2.0, 3.0), np.eye(3), SPACING[::-1])


def test_body_lungs_and_bone_are_found_where_they_are(phantom) -> None:
    hu, truth = phantom
    result = find_classical(grid(), hu, np.zeros(SHAPE, np.uint8))
    assert result.body is not None
    assert dice(result.body, truth["body"]) > 0.98
    found = {name: mask for name, mask, _ in result.exclusive}
    assert dice(found["lungs"], truth["lungs"]) > 0.96
    assert dice(found["bone"], truth["bone"]) > 0.95
    assert not (found["lungs"] & truth["gas"]).any()
    assert not result.findings


def test_bone_leaves_out_what_the_network_found(phantom) -> None:
    hu, truth = phantom
    organs = truth["bone"].astype(np.uint8)
    names = [name for name, _, _ in find_classical(grid(), hu, organs).exclusive]
    assert "bone" not in names


def test_the_table_is_not_the_body(phantom) -> None:
    hu, _ = phantom
    body = find_body(hu, SPACING, -250.0)
    assert body is not None
    assert not body[:, -4:].any()


def test_clipped_values_are_noticed_and_said(phantom) -> None:
    hu, truth = phantom
    clipped = np.clip(hu, -125, 275)
    assert is_clipped(clipped) and not is_clipped(hu)
    result = find_classical(grid(), clipped, np.zeros(SHAPE, np.uint8))
    assert result.exclusive == ()
    assert [f.code for f in result.findings] == ["clipped-ct"]
    assert result.body is not None and dice(result.body, truth["body"]) > 0.97


def test_an_image_of_air_has_no_body() -> None:
    result = find_classical(grid(), np.full(SHAPE, -1000, np.int16), np.zeros(SHAPE, np.uint8))
    assert result.body is None and [f.code for f in result.findings] == ["no-body"]


def test_closing_bridges_gaps_narrower_than_its_ball() -> None:
    mask = np.zeros((20, 20, 20), dtype=bool)
    mask[5:15, 5:15, 4:9] = mask[5:15, 5:15, 10:15] = True
    assert closed(mask, (1.0, 1.0, 1.0), 2.0)[10, 10, 9]
    assert np.array_equal(closed(~mask & False, (1.0, 1.0, 1.0), 2.0), ~mask & False)
