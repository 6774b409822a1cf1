from __future__ import annotations

import numpy as np
import pytest

from segmentation.orientation import reorientation_to
from surgtwin.domain.geometry import Grid
from tests.conftest import all_orientations


def tilted(direction: np.ndarray, degrees: float = 17.0) -> np.ndarray:
    a = np.radians(degrees)
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    return turn @ direction


@pytest.mark.parametrize("codes", ["LPS", "RAS", "PIR"])
def test_all_48_orientations_are_turned_to_the_wanted_one_and_back(codes: str) -> None:
    for direction in map(tilted, all_orientations()):
        grid = Grid.from_axes((4, 5, 6), (7.0, -8.0, 9.0), direction, (1.0, 2.0, 3.0))
        where = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), -1)
        lps = grid.to_lps(where[..., ::-1])
        turn = reorientation_to(codes, grid.direction)
        moved = [turn.apply(lps[..., axis]) for axis in range(3)]
        for axis in range(3):  # array axis k, j, i
            letter = codes[2 - axis]
            world, sign = "LPSRAI".index(letter) % 3, 1 if letter in "LPS" else -1
            assert np.all(sign * np.diff(moved[world], axis=axis) > 0)
        values = np.arange(grid.shape[0] * grid.shape[1] * grid.shape[2]).reshape(grid.shape)
        np.testing.assert_array_equal(turn.undo(turn.apply(values)), values)


def test_spacing_follows_the_axes() -> None:
    grid = Grid.from_axes((4, 5, 6), (0, 0, 0), np.array([[0, 0, 1.0], [1, 0, 0], [0, 1, 0]]), (1.0, 2.0, 3.0))
    turn = reorientation_to("LPS", grid.direction)
    # i runs to the back (1 mm), j to the head (2 mm), k to the left (3 mm).
    assert turn.apply_to_spacing((3.0, 2.0, 1.0)) == (2.0, 1.0, 3.0)
    assert turn.apply(np.zeros(grid.shape)).shape == (5, 6, 4)
