"""Names, joints and roots of a vessel's branches, changed by a person."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from surgtwin.errors import PlanError
from surgtwin.planning.vessel_edits import join_branches, rename_branch, set_root, split_branch
from surgtwin.planning.vessel_graph import VesselGraph
from tests.planning.shapes import OBLIQUE
from tests.planning.vessels import fork, own_points, traced


@lru_cache(maxsize=1)
def graph() -> VesselGraph:
    return traced(fork(), OBLIQUE)


def test_a_branch_is_renamed_and_the_others_keep_their_names():
    renamed = rename_branch(graph(), "1.1", "right anterior")
    assert sorted(renamed.names) == ["1", "1.2", "right anterior"]
    assert sorted(graph().names) == ["1", "1.1", "1.2"]


def test_a_name_is_given_once():
    with pytest.raises(PlanError, match=r"has a branch '1\.2' already"):
        rename_branch(graph(), "1.1", "1.2")


def test_an_unknown_branch_is_refused_with_the_branches_there_are():
    with pytest.raises(PlanError, match=r"branch: 'vessel' has no branch '9'; there are: .*1\.1"):
        rename_branch(graph(), "9", "left")


def test_an_empty_name_is_refused():
    with pytest.raises(PlanError, match="name"):
        rename_branch(graph(), "1.1", " ")


def test_joined_branches_are_one_branch_under_the_first_name():
    joined = join_branches(graph(), ("1", "1.1"))
    assert sorted(joined.names) == ["1", "1.2"]
    assert len(joined.edges_of("1")) == 2
    assert joined.length_mm == pytest.approx(graph().length_mm)


def test_what_does_not_touch_is_not_joined():
    long = split_branch(graph(), "1.1", OBLIQUE.point(15, 15, 0), "tip")
    with pytest.raises(PlanError, match="do not touch"):
        join_branches(long, ("1", "tip"))
    with pytest.raises(PlanError, match="two or more"):
        join_branches(graph(), ("1", "1"))
    with pytest.raises(PlanError, match=r"branches\[1\]"):
        join_branches(graph(), ("1", "9"))


def test_a_split_branch_keeps_its_name_near_the_root_and_its_length_in_all():
    place = OBLIQUE.point(15, 15, 0)
    divided = split_branch(graph(), "1.1", place, "tip")
    near, far = (divided.edges[divided.edges_of(name)[0]] for name in ("1.1", "tip"))
    whole = graph().edges[graph().edges_of("1.1")[0]]
    assert near.length_mm + far.length_mm == pytest.approx(whole.length_mm)
    assert np.linalg.norm(near.points_mm[-1] - place) < 1.0
    assert near.nodes[1] == far.nodes[0]
    assert (near.generation, far.generation) == (2, 3)


def test_a_branch_is_not_split_at_its_end():
    with pytest.raises(PlanError, match="at_mm: that place is an end"):
        split_branch(graph(), "1.1", OBLIQUE.point(60, 55, 0), "tip")


def test_splitting_and_joining_gives_the_same_branch():
    again = join_branches(split_branch(graph(), "1.1", OBLIQUE.point(15, 15, 0), "tip"), ("1.1", "tip"))
    assert sorted(again.names) == sorted(graph().names)
    assert again.downstream(("1.1",)) == frozenset(again.edges_of("1.1"))


def test_another_root_turns_the_edges_and_keeps_the_names():
    turned = set_root(graph(), OBLIQUE.point(40, 34, 0))
    names = {e.name: e for e in turned.edges}
    assert own_points(OBLIQUE, turned.nodes[turned.roots[0]].point_mm)[1] > 25
    assert names["1.1"].generation == 1 and names["1"].generation == names["1.2"].generation == 2
    assert own_points(OBLIQUE, names["1"].points_mm)[-1, 0] < -45
    assert turned.downstream(("1.2",)) == frozenset(turned.edges_of("1.2"))


def test_setting_the_same_root_changes_nothing():
    same = set_root(graph(), OBLIQUE.point(-52, 0, 0))
    assert [(e.name, e.nodes, e.generation) for e in same.edges] == [
        (e.name, e.nodes, e.generation) for e in graph().edges
    ]
