"""Shared fixtures: phantoms on oblique, anisotropic, off-origin grids, and the real data where it is."""

from __future__ import annotations

import os
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest

from surgtwin.domain.geometry import Grid

_HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real clinical data; skips where it is absent."""
    folder = Path(os.environ.get("SURGTWIN_TEST_DATA", _HERE.parent.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} does not exist (set SURGTWIN_TEST_DATA)")
    return folder


def rotation(degrees_xyz: tuple[float, float, float]) -> np.ndarray:
    """(3, 3) rotation about x, then y, then z."""
    ax, ay, az = np.radians(degrees_xyz)
    rx = np.array([[1, 0, 0], [0, np.cos(ax), -np.sin(ax)], [0, np.sin(ax), np.cos(ax)]])
    ry = np.array([[np.cos(ay), 0, np.sin(ay)], [0, 1, 0], [-np.sin(ay), 0, np.cos(ay)]])
    rz = np.array([[np.cos(az), -np.sin(az), 0], [np.sin(az), np.cos(az), 0], [0, 0, 1]])
    return rz @ ry @ rx


def make_oblique_grid(shape: tuple[int, int, int] = (20, 24, 28)) -> Grid:
    """Anisotropic, oblique, off-origin: an identity affine would hide every mistake."""
    return Grid.from_axes(shape, (-31.5, 17.25, -240.0), rotation((12.0, -7.0, 20.0)), (0.9, 1.1, 2.5))


@pytest.fixture
def oblique_grid() -> Grid:
    return make_oblique_grid()


def all_orientations() -> list[np.ndarray]:
    """The 48 signed permutation matrices: every way the axes of a grid can lie along the patient's."""
    matrices = []
    for order in permutations(range(3)):
        for signs in product((1.0, -1.0), repeat=3):
            m = np.zeros((3, 3))
            for column, row in enumerate(order):
                m[row, column] = signs[column]
            matrices.append(m)
    return matrices
