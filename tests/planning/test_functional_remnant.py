"""Branches that cuts divide, and what they leave without inflow or outflow."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from surgtwin.domain.cut import CutSurface, PlaneCut, TerritoryCut
from surgtwin.domain.plan import Plan, Resection
from surgtwin.planning.evaluate import evaluate_plan
from surgtwin.planning.evaluation import PlanEvaluation
from surgtwin.planning.evaluation_json import evaluation_as_json
from surgtwin.planning.functional_remnant import FunctionalRemnant, functional_remnant, wide_edges
from surgtwin.planning.resection import CutOrgan, cut_organ
from surgtwin.planning.settings import PlanningSettings
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.planning.vessel_crossing import cut_vessel
from tests.planning.shapes import FRAMES, OBLIQUE, STRAIGHT, Frame, ball, box, make_geometry, tube
from tests.planning.vessels import fork, own_points, union

INCLUDES = ("portal vein", "hepatic vein")
ALL_NEAR = PlanningSettings(vessel_reach_mm=200.0, resolved_voxels=1.0)
SMALL = 0.6


@lru_cache(maxsize=4)
def liver(frame: Frame) -> TwinGeometry:
    """A ball with a portal fork that comes in from -x, and a hepatic vein that leaves to +x above it."""
    shapes = {
        "liver": ball((0, 0, 0), 30),
        "portal vein": fork(1.0, SMALL),
        "hepatic vein": tube((-18, 0, 10), (36, 0, 10), 2.4),
    }
    return make_geometry(shapes, frame, 38)


@lru_cache(maxsize=2)
def ladder(frame: Frame) -> TwinGeometry:
    """A box with a portal trunk along x below, and three rungs up from it at x = -18, 0 and 18."""
    rungs = [tube((x, 0, -14), (x, 0, 8), 2) for x in (-18, 0, 18)]
    shapes = {
        "liver": box((-27, -9, -18), (27, 9, 12)),
        "portal vein": union(tube((-36, 0, -14), (18, 0, -14), 3), *rungs),
    }
    return make_geometry(shapes, frame, 38)


def plane(frame: Frame, point: tuple[float, float, float], normal: tuple[float, float, float]) -> PlaneCut:
    return PlaneCut(frame.point(*point), frame.direction(*normal))


def cut(geometry: TwinGeometry, surface: CutSurface, includes: tuple[str, ...] = INCLUDES) -> CutOrgan:
    return cut_organ(geometry, Resection("A", "liver", surface, includes=includes))


def functional(geometry: TwinGeometry, some: CutOrgan, settings: PlanningSettings = ALL_NEAR) -> FunctionalRemnant:
    found = functional_remnant(geometry, "liver", some.split, some.side, (), settings)
    assert found is not None
    return found


@pytest.mark.parametrize("frame", FRAMES)
def test_a_plane_crosses_exactly_the_one_branch_at_its_place_and_diameter(frame):
    some = cut(liver(frame), plane(frame, (0, 9, 0), (0, 1, 0)))
    (crossing,) = functional(liver(frame), some).flows[0].crossings
    assert crossing.branch == "1.1" and crossing.distal == ("1.1",)
    assert own_points(frame, crossing.at_mm) == pytest.approx((-3 + 12, 9, 0), abs=0.6)
    assert crossing.diameter_mm == pytest.approx(2 * 4 * SMALL, abs=0.4)
    assert crossing.stops_flow and not crossing.is_at_capsule


@pytest.mark.parametrize("frame", FRAMES)
def test_a_cut_beyond_every_branch_leaves_all_its_flow(frame):
    geometry = liver(frame)
    some = cut(geometry, plane(frame, (-18, 0, -18), (0, 0, -1)))
    found = functional(geometry, some)
    assert found.ischaemic_ml == found.congested_ml == 0.0
    assert found.least_ml == found.most_ml == pytest.approx(some.split.remnant_ml, rel=1e-4)
    assert all(not f.crossings for f in found.flows)


@pytest.mark.parametrize("frame", FRAMES)
def test_rungs_beyond_the_cut_lose_their_inflow_to_what_is_nearest_to_them(frame):
    """A cut through the trunk between the first two rungs that takes only the floor leaves two rungs without inflow."""
    geometry = ladder(frame)
    # Resected: below a plane that rises from z = -18 at x = -14 to beyond the trunk at x = -4.
    some = cut(geometry, plane(frame, (-9, 0, -14), (0.6, 0, -0.8)), ("portal vein",))
    found = functional(geometry, some)
    (flow,) = found.flows
    stopped = [c for c in flow.crossings if c.stops_flow]
    assert len(stopped) == 1
    assert own_points(frame, stopped[0].at_mm) == pytest.approx((-9, 0, -14), abs=0.8)
    points = own_points(frame, some.tissue.points_mm())
    remains = 1.0 - some.split.share
    # Rungs 18 apart: what lies beyond x = -9 is nearest to a rung, or a stretch of trunk, without flow.
    beyond = remains[(points[:, 0] > -9) & (points[:, 2] > -10)].sum() * some.tissue.grid.voxel_volume_ml
    assert flow.lost_ml == pytest.approx(beyond, rel=0.06)
    assert found.most_ml == pytest.approx(some.split.remnant_ml - flow.lost_ml, rel=1e-4)


@pytest.mark.parametrize("frame", FRAMES)
def test_without_the_root_nothing_has_inflow(frame):
    geometry = ladder(frame)
    some = cut(geometry, plane(frame, (-22, 0, 0), (-1, 0, 0)), ("portal vein",))
    found = functional(geometry, some)
    assert found.ischaemic_ml == pytest.approx(some.split.remnant_ml, rel=1e-4)
    assert found.most_ml == pytest.approx(0.0, abs=1e-2)


@pytest.mark.parametrize("frame", FRAMES)
def test_outflow_that_is_cut_congests_and_is_a_band(frame):
    geometry = liver(frame)
    some = cut(geometry, plane(frame, (24, 0, 10), (1, 0, 0)))
    found = functional(geometry, some)
    assert found.congested_ml is not None and found.ischaemic_ml is not None
    assert found.congested_ml > 0.9 * (some.split.remnant_ml - found.ischaemic_ml)
    assert found.most_ml == pytest.approx(some.split.remnant_ml - found.ischaemic_ml, rel=1e-4)
    assert found.least_ml == pytest.approx(found.most_ml - found.congested_ml, abs=1e-6)
    outflow = next(f for f in found.flows if not f.is_inflow)
    # The vein leaves through what is taken: it is divided where it leaves the organ, and once more in the cut.
    assert [(c.stops_flow, c.is_at_capsule) for c in outflow.crossings] == [(True, True), (False, False)]


@pytest.mark.parametrize("frame", FRAMES)
def test_a_cut_along_a_territory_divides_its_branch_at_the_fork(frame):
    geometry = liver(frame)
    some = cut(geometry, TerritoryCut("portal vein", ("1.2",)))
    inflow = functional(geometry, some).flows[0]
    assert [(c.branch, c.stops_flow) for c in inflow.crossings] == [("1.2", True)]
    assert own_points(frame, inflow.crossings[0].at_mm) == pytest.approx((-3, 0, 0), abs=2.0)
    assert inflow.lost_ml == pytest.approx(0.0, abs=0.02 * some.split.remnant_ml)


def test_a_loop_keeps_flow_when_one_of_its_sides_is_cut():
    ring = union(
        tube((-16, -10, 0), (16, -10, 0), 2), tube((-16, 10, 0), (16, 10, 0), 2),
        tube((-16, -10, 0), (-16, 10, 0), 2), tube((16, -10, 0), (16, 10, 0), 2),
    )  # fmt: skip
    vessel = union(ring, tube((-36, 0, 0), (-16, 0, 0), 3), tube((16, 0, 0), (24, 0, 0), 2))
    geometry = make_geometry({"liver": box((-28, -18, -9), (28, 18, 9)), "portal vein": vessel}, STRAIGHT, 38)
    # A wedge from +y that takes the middle of the upper side only.
    some = cut(geometry, plane(STRAIGHT, (0, 6, 0), (0, 1, 0)), ("portal vein",))
    found = functional(geometry, some)
    whole = cut(geometry, plane(STRAIGHT, (8, 0, 0), (1, 0, 0)), ("portal vein",))
    both = [c for c in functional(geometry, whole).flows[0].crossings if c.stops_flow]
    assert found.ischaemic_ml == pytest.approx(0.0, abs=0.1 * some.split.remnant_ml)
    assert len(both) == 2


def test_swapping_the_sides_keeps_the_crossings_places():
    geometry = liver(OBLIQUE)
    places = []
    for sign in (1.0, -1.0):
        some = cut(geometry, plane(OBLIQUE, (8, 0, 0), (sign, 0, 0)))
        vessel = geometry.organ_vessel("portal vein", some.tissue)
        crossings = cut_vessel(vessel, some.side, 1.0).crossings
        places.append(sorted(c.at_mm for c in crossings if not c.is_at_capsule))
    assert len(places[0]) == 2
    assert np.array(places[0]) == pytest.approx(np.array(places[1]), abs=1e-6)


def test_a_vessel_thinner_than_the_voxels_resolve_is_withheld_and_said_so():
    settings = replace(ALL_NEAR, resolved_voxels=20.0)
    some = cut(liver(STRAIGHT), plane(STRAIGHT, (8, 0, 0), (1, 0, 0)))
    found = functional(liver(STRAIGHT), some, settings)
    assert found.ischaemic_ml is found.congested_ml is found.most_ml is found.least_percent is None
    assert all("20.0 mm wide" in f.withheld and f.lost_ml is None for f in found.flows)
    assert all(c.is_resolved is False for f in found.flows for c in f.crossings)


def test_only_branches_wide_enough_all_the_way_from_the_root_count():
    graph = liver(STRAIGHT).organ_vessel("portal vein", liver(STRAIGHT).tissue(("liver", *INCLUDES))).graph
    names = {mm: {graph.edges[n].name for n in wide_edges(graph, mm)} for mm in (1.0, 4.3, 5.3, 9.0)}
    assert names == {1.0: {"1", "1.1", "1.2"}, 4.3: {"1", "1.1"}, 5.3: {"1"}, 9.0: set()}


def test_tissue_far_from_every_branch_is_unknown_and_not_lost():
    settings = replace(ALL_NEAR, vessel_reach_mm=6.0, most_unknown=1.0)
    some = cut(ladder(STRAIGHT), plane(STRAIGHT, (-22, 0, 0), (-1, 0, 0)), ("portal vein",))
    (flow,) = functional(ladder(STRAIGHT), some, settings).flows
    assert flow.unknown_ml is not None and flow.unknown_ml > 1.0
    assert flow.lost_ml + flow.unknown_ml == pytest.approx(some.split.remnant_ml, rel=1e-4)


def test_no_figure_is_stated_when_most_of_the_remnant_is_unknown():
    settings = replace(ALL_NEAR, vessel_reach_mm=6.0, most_unknown=0.05)
    some = cut(ladder(STRAIGHT), plane(STRAIGHT, (-22, 0, 0), (-1, 0, 0)), ("portal vein",))
    found = functional(ladder(STRAIGHT), some, settings)
    (flow,) = found.flows
    assert found.ischaemic_ml is flow.lost_ml is None
    assert "more than 6 mm from every branch" in flow.withheld
    assert flow.unknown_ml > 1.0 and flow.crossings


def test_an_organ_without_vessels_has_no_functional_remnant():
    geometry = make_geometry({"liver": ball((0, 0, 0), 20)}, STRAIGHT, 24)
    some = cut(geometry, plane(STRAIGHT, (0, 0, 0), (1, 0, 0)), ())
    assert functional_remnant(geometry, "liver", some.split, some.side) is None


def test_a_vessel_elsewhere_is_withheld_with_the_reason():
    shapes = {"liver": ball((0, 0, 0), 14), "portal vein": tube((24, -10, 0), (24, 10, 0), 2)}
    geometry = make_geometry(shapes, STRAIGHT, 30)
    some = cut(geometry, plane(STRAIGHT, (0, 0, 0), (1, 0, 0)), ())
    (flow,) = functional(geometry, some).flows
    assert "does not run inside" in flow.withheld


def evaluated(geometry: TwinGeometry, *surfaces: CutSurface) -> PlanEvaluation:
    names = tuple(n for n in INCLUDES if any(s.name == n for s in geometry.twin.structures))
    cuts = tuple(Resection(f"R{n}", "liver", s, includes=names) for n, s in enumerate(surfaces))
    return evaluate_plan(geometry, Plan(resections=cuts), ALL_NEAR)


def test_an_evaluated_plan_carries_the_figures_to_json_and_findings():
    evaluation = evaluated(liver(STRAIGHT), plane(STRAIGHT, (0, 9, 0), (0, 1, 0)))
    content = evaluation_as_json(evaluation)["resections"][0]
    figures = content["functional"]
    assert figures["inflow"][0]["crossings"][0]["branch"] == "1.1"
    assert figures["remnant_ml"][1] == pytest.approx(content["remnant_ml"] - figures["ischaemic_ml"], rel=1e-4)
    assert figures["flr_percent"][1] == pytest.approx(100 * figures["remnant_ml"][1] / content["organ_ml"], rel=1e-4)
    finding = next(f for f in evaluation.findings if f.code == "remnant-ischaemic")
    assert "'1.1' (" in finding.message and "ischaemic" in finding.message
    assert finding.where_mm == tuple(figures["inflow"][0]["crossings"][0]["at_mm"])


def test_cuts_together_are_judged_as_one_for_flow():
    evaluation = evaluated(
        ladder(STRAIGHT), plane(STRAIGHT, (24, 0, 0), (1, 0, 0)), plane(STRAIGHT, (-22, 0, 0), (-1, 0, 0))
    )
    alone = [r.functional.ischaemic_ml for r in evaluation.resections]
    (together,) = evaluation.combined
    assert alone[0] == pytest.approx(0.0, abs=0.05) and alone[1] > 10
    assert together.functional.ischaemic_ml == pytest.approx(together.remnant.ml, rel=1e-3)


def test_a_remnant_that_suffices_only_with_dead_tissue_is_an_error():
    evaluation = evaluated(ladder(STRAIGHT), plane(STRAIGHT, (-22, 0, 0), (-1, 0, 0)))
    assert evaluation.combined[0].flr_percent > 60
    codes = {f.code: f.severity for f in evaluation.findings}
    assert codes["functional-remnant-small"] == "error"


def test_withheld_figures_are_a_finding():
    shapes = {"liver": ball((0, 0, 0), 20), "portal vein": tube((-26, 0, 0), (5, 0, 0), 1.5)}
    geometry = make_geometry(shapes, STRAIGHT, 28)
    resection = Resection("R", "liver", plane(STRAIGHT, (10, 0, 0), (1, 0, 0)), includes=("portal vein",))
    plan = Plan(resections=(resection,))
    evaluation = evaluate_plan(geometry, plan, PlanningSettings(resolved_voxels=8.0))
    withheld = next(f for f in evaluation.findings if f.code == "flow-withheld")
    assert "8.0 mm wide" in withheld.message
    assert evaluation_as_json(evaluation)["resections"][0]["functional"]["ischaemic_ml"] is None
