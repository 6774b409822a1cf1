from __future__ import annotations

import numpy as np

from segmentation.vessel_trees import Tree, assign_trees
from surgtwin.imaging.centreline import Branch

P, H, U = Tree.PORTAL, Tree.HEPATIC, Tree.UNASSIGNED


def branch(nodes: tuple[int, int], a: tuple[float, float, float], b: tuple[float, float, float], radius: float = 3.0):
    t = np.linspace(0, 1, 20)[:, None]
    return Branch(nodes, np.asarray(a) + t * np.subtract(b, a), radius)


def test_crossing_vessels_each_go_straight_on() -> None:
    crossing = [
        branch((0, 9), (0, 0, -30), (0, 0, 0)),
        branch((1, 9), (0, -30, 0), (0, 0, 0)),
        branch((9, 2), (0, 0, 0), (0, 0, 30), 2.0),
        branch((9, 3), (0, 0, 0), (0, 30, 0), 2.0),
    ]
    trees, reached = assign_trees(crossing, {P: [(0, 0, 1.0)], H: [(1, 1, 1.0)]})
    assert trees == [P, H, P, H]
    assert reached == [True] * 4


def test_vessels_that_run_together_for_a_while_part_again() -> None:
    touching = [
        branch((0, 8), (0, -20, -30), (0, 0, -2)),
        branch((1, 8), (0, 20, -30), (0, 0, -2)),
        branch((8, 9), (0, 0, -2), (0, 0, 4), 5.0),
        branch((9, 2), (0, 0, 4), (0, 22, 34), 2.5),
        branch((9, 3), (0, 0, 4), (0, -22, 34), 2.5),
    ]
    trees, _ = assign_trees(touching, {P: [(0, 0, 1.0)], H: [(1, 1, 1.0)]})
    assert trees == [P, H, U, P, H]


def test_a_thick_vein_beside_a_thin_portal_twig_is_not_portal() -> None:
    twig_meets_vein = [
        branch((0, 9), (0, -30, 0), (0, 0, 0), 1.2),
        branch((9, 2), (0, 0, 0), (0, 2, 30), 4.0),
        branch((1, 9), (0, 0, -30), (0, 0, 0), 4.5),
    ]
    trees, _ = assign_trees(twig_meets_vein, {P: [(0, 0, 1.0)], H: [(2, 1, 1.0)]})
    assert trees == [P, H, H]


def test_what_could_be_either_stays_unassigned() -> None:
    fork = [
        branch((0, 9), (0, -20, -20), (0, 0, 0)),
        branch((1, 9), (0, 20, -20), (0, 0, 0)),
        branch((9, 2), (0, 0, 0), (0, 0, 30)),
    ]
    trees, reached = assign_trees(fork, {P: [(0, 0, 1.0)], H: [(1, 1, 1.0)]})
    assert trees == [P, H, U]
    assert all(reached)


def test_a_short_gap_straight_ahead_is_bridged_and_one_aside_is_not() -> None:
    broken = [
        branch((0, 1), (0, 0, 0), (0, 0, 20)),
        branch((2, 3), (0, 0, 25), (0, 0, 45)),
        branch((4, 5), (0, 6, 17), (0, 6, -10)),
    ]
    trees, reached = assign_trees(broken, {P: [(0, 0, 1.0)], H: []})
    assert trees == [P, P, U]
    assert reached == [True, True, False]


def test_a_way_back_on_itself_leads_nowhere() -> None:
    hairpin = [branch((0, 9), (0, 0, 0), (0, 0, 30)), branch((9, 2), (0, 0, 30), (0, 3, 0))]
    trees, reached = assign_trees(hairpin, {P: [(0, 0, 1.0)]})
    assert trees == [P, U]
    assert reached == [True, True]


def test_without_branches_there_is_nothing_to_assign() -> None:
    assert assign_trees([], {}) == ([], [])
