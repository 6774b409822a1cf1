"""Planning goes on beside a structure of which no surface can be made, and says so."""

from __future__ import annotations

import pytest

from surgtwin.domain.plan import Plan, ToolPath
from surgtwin.domain.tool import NeedleTool
from surgtwin.domain.trajectory import Avoid, Trajectory
from surgtwin.errors import MeshError, PlanError
from surgtwin.planning import twin_geometry
from surgtwin.planning.access import map_access
from surgtwin.planning.access_request import AccessRequest
from surgtwin.planning.evaluate import evaluate_plan
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.simulation.trocar import poses_through
from tests.planning.shapes import STRAIGHT, ball, make_twin

NEEDLE = NeedleTool(0.75, 80.0)


@pytest.fixture
def geometry(monkeypatch) -> TwinGeometry:
    """A body with a liver, and a spleen of which the mesher can make nothing."""
    shapes = {"body": ball((0, 0, 0), 28), "liver": ball((0, 0, 0), 12), "spleen": ball((20, 0, 0), 0.6)}
    twin = make_twin(shapes, STRAIGHT, 30, with_meshes=False)
    extract = twin_geometry.extract_meshes

    def fails(labels, *args, names=(), **more):
        if "spleen" in names:
            raise MeshError("the surface is not closed")
        return extract(labels, *args, names=names, **more)

    monkeypatch.setattr(twin_geometry, "extract_meshes", fails)
    return TwinGeometry(twin)


def needle(**changes) -> Trajectory:
    return Trajectory("T", STRAIGHT.point(0, 28, 0), STRAIGHT.point(0, 0, 0), NEEDLE, **changes)


def test_a_needle_is_judged_against_the_rest_and_the_gap_is_a_finding(geometry):
    evaluation = evaluate_plan(geometry, Plan(trajectories=(needle(),)))
    assert {c.structure for c in evaluation.trajectories[0].clearances} == {"body", "liver"}
    (finding,) = [f for f in evaluation.findings if f.code == "no-surface"]
    assert finding.structure == "spleen" and "not closed" in finding.message


def test_to_ask_for_a_distance_from_it_is_refused_with_the_field(geometry):
    asked = Plan(trajectories=(needle(avoid=(Avoid("spleen", 2.0),)),))
    with pytest.raises(PlanError, match=r"trajectories\[0\].avoid\[0\].structure: no surface .*'spleen'"):
        evaluate_plan(geometry, asked)


def test_a_tool_path_goes_on_too(geometry):
    poses = poses_through(STRAIGHT.point(0, 28, 0), [STRAIGHT.point(0, 10, 0), STRAIGHT.point(2, 5, 0)], [0.0, 1.0])
    evaluation = evaluate_plan(geometry, Plan(tool_paths=(ToolPath("P", NEEDLE, poses),)))
    assert "spleen" not in {p.structure for p in evaluation.tool_paths[0].nearest}
    assert "no-surface" in {f.code for f in evaluation.findings}


def test_the_search_for_ways_tells_what_it_did_not_keep_clear_of(geometry):
    found = map_access(geometry, AccessRequest(STRAIGHT.point(0, 0, 0), NEEDLE, directions=200))
    assert found.allowed.any() and "spleen" not in found.structures
    assert "no-surface" in {f.code for f in found.findings}


def test_a_plan_of_sound_structures_has_no_such_finding():
    geometry = TwinGeometry(make_twin({"body": ball((0, 0, 0), 28), "liver": ball((0, 0, 0), 12)}, STRAIGHT, 30))
    assert geometry.without_surface() == {}
    assert "no-surface" not in {f.code for f in evaluate_plan(geometry, Plan(trajectories=(needle(),))).findings}
