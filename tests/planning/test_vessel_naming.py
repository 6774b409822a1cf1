"""Names of branches by places on them: in plan files, on traced vessels, and in cuts along their territories."""

from __future__ import annotations

from functools import lru_cache

import pytest

from surgtwin.domain.cut import TerritoryCut
from surgtwin.domain.plan import Plan, Resection
from surgtwin.domain.vessel_names import BranchName, VesselNames
from surgtwin.errors import PlanError
from surgtwin.planning.evaluate import evaluate_plan
from surgtwin.planning.plan_file import parse_plan
from surgtwin.planning.plan_json import plan_as_json
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.planning.vessel_graph import VesselGraph
from surgtwin.planning.vessel_naming import with_names
from tests.planning.shapes import OBLIQUE, ball, make_geometry
from tests.planning.vessels import fork, own_points, traced

ON_THICK, ON_THIN, ON_TRUNK = (15, 15, 0), (15, -15, 0), (-25, 2, 0)


@lru_cache(maxsize=1)
def graph() -> VesselGraph:
    return traced(fork(), OBLIQUE)


def name(text: str, at: tuple[float, float, float], begins: bool = False) -> BranchName:
    return BranchName(text, OBLIQUE.point(*at), begins)


def named(*branches: BranchName, root: tuple[float, float, float] | None = None) -> VesselGraph:
    return with_names(graph(), VesselNames("vessel", branches, None if root is None else OBLIQUE.point(*root)))


def test_the_branch_nearest_to_a_place_gets_the_name():
    assert sorted(named(name("right", ON_THICK), name("left", ON_THIN)).names) == ["1", "left", "right"]


def test_one_name_at_two_places_joins_their_branches():
    assert sorted(named(name("main", ON_TRUNK), name("main", ON_THICK)).names) == ["1.2", "main"]


def test_a_name_that_begins_at_a_place_is_for_what_lies_beyond():
    found = named(name("end", ON_THICK, begins=True))
    assert sorted(found.names) == ["1", "1.1", "1.2", "end"]
    assert own_points(OBLIQUE, found.edges[found.edges_of("end")[0]].points_mm)[0] == pytest.approx(ON_THICK, abs=1.0)


def test_the_root_is_set_first():
    found = named(name("right", ON_THICK), root=(36, 31, 0))
    assert found.edges[found.edges_of("right")[0]].generation == 1


def test_a_branch_gets_one_name():
    with pytest.raises(PlanError, match=r"branches\[1\]: the name 'b': the branch there is called 'a' already"):
        named(name("a", ON_THICK), name("b", ON_THICK))


def test_a_place_far_from_every_branch_names_none():
    with pytest.raises(PlanError, match=r"branches\[0\]: the name 'a': the nearest branch of 'vessel' is \d\d mm away"):
        named(name("a", (-30, 40, 0)))


@lru_cache(maxsize=1)
def geometry() -> TwinGeometry:
    return make_geometry({"liver": ball((0, 0, 0), 30), "portal vein": fork(1.0, 0.6)}, OBLIQUE, 36)


def plan(*branches: BranchName, vessel: str = "portal vein") -> Plan:
    cut = Resection("T", "liver", TerritoryCut("portal vein", ("right",)), includes=("portal vein",))
    return Plan(resections=(cut,), vessels=(VesselNames(vessel, branches),))


def test_a_plan_cuts_along_the_territory_of_a_branch_that_it_names():
    evaluation = evaluate_plan(geometry(), plan(name("right", (9, 9, 0))))
    (cut,) = evaluation.resections
    assert cut.resected.ml + cut.remnant.ml == pytest.approx(cut.organ.ml, abs=1e-9)
    assert [c.branch for c in cut.functional.flows[0].crossings] == ["right"]


def test_the_names_of_one_plan_are_not_those_of_the_next():
    evaluate_plan(geometry(), plan(name("right", (9, 9, 0))))
    with pytest.raises(PlanError, match=r"resections\[0\].surface.branches\[0\]: .* has no branch 'right'; there are"):
        evaluate_plan(geometry(), plan(name("left", (9, 9, 0))))


def test_names_for_a_structure_that_is_not_there_are_refused():
    with pytest.raises(PlanError, match=r"vessels\[0\].vessel: there is no structure 'vein'"):
        evaluate_plan(geometry(), plan(name("right", (9, 9, 0)), vessel="vein"))


def test_names_are_read_as_they_were_written():
    branches = (BranchName("a", (1, 2, 3), True), BranchName("b", (4, 5, 6)))
    before = Plan(vessels=(VesselNames("v", branches, (7, 8, 9)),))
    assert parse_plan(plan_as_json(before)) == before


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ([{"vessel": ""}], r"vessels\[0\].vessel"),
        ([{"vessel": "v", "branches": [{"name": "a"}]}], r"vessels\[0\].branches\[0\]"),
        ([{"vessel": "v", "branches": [{"name": " ", "at_mm": [0, 0, 0]}]}], r"vessels\[0\].branches\[0\].name"),
        ([{"vessel": "v", "branches": [{"name": "a", "at_mm": [0, 0]}]}], r"vessels\[0\].branches\[0\].at_mm"),
        ([{"vessel": "v", "root_mm": [1e9, 0, 0]}], r"vessels\[0\].root_mm"),
        ([{"vessel": "v"}, {"vessel": "v"}], "vessels: two lists of branch names"),
    ],
)
def test_bad_names_are_refused_by_their_field(content, field):
    with pytest.raises(PlanError, match=field):
        parse_plan({"schema": 1, "vessels": content})
