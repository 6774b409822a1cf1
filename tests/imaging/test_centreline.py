from __future__ import annotations

import numpy as np
import pytest

from surgtwin.imaging.centreline import branches_of, skeleton_of

SHAPE = (40, 40, 60)


def tube(a: tuple[float, float, float], b: tuple[float, float, float], radius: float) -> np.ndarray:
    places = np.stack(np.indices(SHAPE), axis=-1).astype(float)
    start, step = np.asarray(a, dtype=float), np.subtract(b, a).astype(float)
    t = np.clip((places - start) @ step / (step @ step), 0, 1)
    return np.linalg.norm(places - start - t[..., None] * step, axis=-1) <= radius


def found_in(mask: np.ndarray, radius: float, step: float = 1.0):
    return branches_of(skeleton_of(mask), np.full(SHAPE, radius, np.float32), step)


def test_a_straight_tube_is_one_branch_along_its_axis() -> None:
    branches = found_in(tube((20, 20, 5), (20, 20, 55), 3.0), 3.0)
    assert len(branches) == 1
    assert branches[0].length_mm == pytest.approx(50, abs=7)
    assert branches[0].points[:, :2] == pytest.approx(20, abs=1)
    assert branches[0].radius_mm == 3.0


def test_lengths_are_in_mm() -> None:
    mask = tube((20, 20, 5), (20, 20, 55), 3.0)
    assert found_in(mask, 3.0, 0.5)[0].length_mm == pytest.approx(found_in(mask, 3.0)[0].length_mm / 2)


def test_a_fork_has_three_branches_that_share_a_node() -> None:
    fork = tube((20, 20, 5), (20, 20, 30), 2) | tube((20, 20, 30), (8, 20, 52), 2) | tube((20, 20, 30), (32, 20, 52), 2)
    branches = found_in(fork, 2.0)
    assert len(branches) == 3
    nodes = [set(b.nodes) for b in branches]
    shared = set.intersection(*nodes)
    assert len(shared) == 1
    node = shared.pop()
    directions = sorted((b.leaving(node) for b in branches), key=lambda d: d[0])
    assert directions[0] == pytest.approx([-0.48, 0, 0.88], abs=0.15)
    assert directions[1] == pytest.approx([0, 0, -1], abs=0.15)
    assert directions[2] == pytest.approx([0.48, 0, 0.88], abs=0.15)


def test_a_ring_is_one_branch() -> None:
    k, j, i = np.indices(SHAPE)
    ring = np.hypot(np.hypot(j - 20, i - 30) - 12, k - 20) <= 2
    branches = found_in(ring, 2.0)
    assert len(branches) == 1
    assert branches[0].length_mm == pytest.approx(2 * np.pi * 12, rel=0.15)


def test_nothing_has_no_branches() -> None:
    assert found_in(np.zeros(SHAPE, dtype=bool), 1.0) == []


def test_the_same_mask_gives_the_same_branches() -> None:
    mask = np.random.default_rng(3).random(SHAPE) > 0.93
    first, second = found_in(mask, 1.0), found_in(mask.copy(), 1.0)
    assert [b.nodes for b in first] == [b.nodes for b in second]
    assert all(np.array_equal(a.points, b.points) for a, b in zip(first, second, strict=True))
