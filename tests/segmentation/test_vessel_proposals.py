"""Vessels as proposals: each tree with a finding of its own, and one that was not found is not passed over."""

from __future__ import annotations

import numpy as np

from segmentation.liver_vessels import LiverVessels, VesselLine
from segmentation.proposals import PROPOSAL_CODE
from segmentation.vessel_proposals import NO_TREE, VESSELS, as_proposals
from segmentation.vessel_trees import Tree
from tests.segmentation.vessel_liver import make_liver


def proposed(*trees: Tree) -> LiverVessels:
    volume, _, portal, _ = make_liver()
    values = np.zeros(volume.grid.shape, np.uint8)
    found = np.zeros(volume.grid.shape, dtype=bool)
    places = np.argwhere(portal)
    for tree, part in zip(trees, np.array_split(places, max(1, len(trees))), strict=True) if trees else ():
        values[tuple(part.T)] = tree
        found[tuple(part.T)] = True
    lines = tuple(VesselLine(t, np.array([[0.0, 0.0, 0.0], [30.0, 40.0, 0.0]]), 2.0) for t in trees)
    return LiverVessels(volume.grid, values, found, lines, 50.0, 10.0)


def codes(*trees: Tree) -> list[tuple[str, str]]:
    result = as_proposals(proposed(*trees), make_liver()[1])
    return [(f.code, f.structure) for f in result.findings]


def test_a_tree_that_was_not_found_is_said_where_the_other_was() -> None:
    assert codes(Tree.PORTAL) == [(PROPOSAL_CODE, "portal vein branches"), (NO_TREE, "hepatic vein")]
    assert NO_TREE in VESSELS.finding_codes, "or a second search would leave it behind"


def test_both_trees_found_or_none_need_no_such_word() -> None:
    assert [code for code, _ in codes(Tree.PORTAL, Tree.HEPATIC)] == [PROPOSAL_CODE, PROPOSAL_CODE]
    assert codes() == []


def test_lengths_and_parts_go_to_the_provenance() -> None:
    result = as_proposals(proposed(Tree.PORTAL, Tree.HEPATIC), make_liver()[1])
    assert result.model["lengths_mm"] == {
        "portal vein branches": 50.0, "hepatic vein": 50.0, "liver vessel (unassigned)": 0
    }  # fmt: skip
    assert [s.part_of for s in result.structures] == ["liver", "liver"]
