"""Gives a traced vessel the root and the branch names that a plan holds for it."""

from __future__ import annotations

import numpy as np

from ..domain.vessel_names import BranchName, VesselNames
from ..errors import PlanError
from .vessel_edits import join_branches, rename_branch, set_root, split_branch
from .vessel_graph import VesselGraph

NEAR_MM = 15.0
"""A place farther than this from every branch names none: the vessel was traced anew, and the branch is gone."""


def with_names(graph: VesselGraph, names: VesselNames) -> VesselGraph:
    """The graph with its root set and its branches named, joined and divided.

    Raises
    ------
    PlanError
        If no branch passes near a place, one branch gets two names, or branches of one name do not touch.
    """
    if names.root_mm is not None:
        graph = set_root(graph, names.root_mm)
    given: set[str] = set()
    for n, branch in enumerate(names.branches):
        try:
            graph = _named(graph, branch, given)
        except PlanError as error:
            raise PlanError(f"the name '{branch.name}': {error.reason}", f"branches[{n}]") from error
        given.add(branch.name)
    return graph


def _named(graph: VesselGraph, branch: BranchName, given: set[str]) -> VesselGraph:
    edge, point = graph.nearest_edge(branch.at_mm)
    away = float(np.linalg.norm(graph.edges[edge].points_mm[point] - branch.at_mm))
    if away > NEAR_MM:
        raise PlanError(
            f"the nearest branch of '{graph.vessel}' is {away:.0f} mm away; at most {NEAR_MM:.0f} is meant."
        )
    old = graph.edges[edge].name
    if old == branch.name:
        return graph
    if branch.begins:
        return split_branch(graph, old, branch.at_mm, branch.name)
    if old in given:
        raise PlanError(f"the branch there is called '{old}' already; name each branch once.")
    if branch.name in given:
        return join_branches(graph, (branch.name, old))
    return rename_branch(graph, old, branch.name)
