"""What a cut takes of each segment or territory: it adds up, and a cut along a border takes one side of it."""

from __future__ import annotations

from functools import lru_cache

import pytest

from surgtwin.domain.cut import PlaneCut
from surgtwin.domain.plan import Plan, Resection
from surgtwin.domain.vessel_names import BranchName, VesselNames
from surgtwin.planning.evaluate import evaluate_plan
from surgtwin.planning.evaluation import PlanEvaluation
from surgtwin.planning.evaluation_json import evaluation_as_json
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.report.flow import territory_blocks
from tests.planning.shapes import FRAMES, OBLIQUE, STRAIGHT, Frame, ball, make_geometry
from tests.planning.vessels import fork


@lru_cache(maxsize=2)
def liver(frame: Frame) -> TwinGeometry:
    shapes = {"liver": ball((0, 0, 0), 30), "portal vein": fork(1.0, 0.6), "spleen": ball((-2, 0, 44), 8)}
    return make_geometry(shapes, frame, 56)


def judged(
    frame: Frame, names: dict[str, tuple[float, float, float]], *offsets: float, organ="liver"
) -> PlanEvaluation:
    branches = tuple(BranchName(name, frame.point(*at)) for name, at in names.items())
    named = (VesselNames("portal vein", branches),) if branches else ()
    cuts = tuple(
        Resection(
            f"cut {n}", organ, PlaneCut(frame.point(0, y, 44 if organ == "spleen" else 0), frame.direction(0, 1, 0))
        )
        for n, y in enumerate(offsets)
    )
    return evaluate_plan(liver(frame), Plan(resections=cuts, vessels=named))


SEGMENTS = {"P6": (9, 9, 0), "P7": (9, -9, 0)}


@pytest.mark.parametrize("frame", FRAMES)
def test_segments_add_up_and_a_cut_between_two_takes_one_of_them(frame):
    result = judged(frame, SEGMENTS, 0.0).resections[0]
    (shares,) = result.territories
    parts = {p.name: p for p in shares.parts}
    assert shares.are_segments and set(parts) == {"VI", "VII", "no segment"}
    assert sum(p.ml for p in shares.parts) == pytest.approx(result.organ.ml, abs=1e-9)
    assert sum(p.resected_ml for p in shares.parts) == pytest.approx(result.resected.ml, rel=1e-5)
    assert sum(p.remnant_ml for p in shares.parts) == pytest.approx(result.remnant.ml, rel=1e-5)
    assert parts["VI"].resected_percent > 90.0
    assert parts["VII"].resected_percent < 10.0
    # The trunk lies in the plane: half of what it feeds is taken.
    assert parts["no segment"].resected_percent == pytest.approx(50.0, abs=5.0)


def test_branches_that_are_no_segments_are_told_as_territories():
    (shares,) = judged(OBLIQUE, {"upper": (9, 9, 0), "lower": (9, -9, 0)}, 0.0).resections[0].territories
    assert not shares.are_segments
    assert {p.name for p in shares.parts} == {"upper", "lower", "others"}


def test_cuts_together_take_what_any_of_them_takes():
    evaluation = judged(STRAIGHT, SEGMENTS, 5.0, -5.0)
    together, larger = evaluation.combined[0].territories[0], evaluation.resections[1].territories[0]
    assert [p.resected_ml for p in together.parts] == pytest.approx([p.resected_ml for p in larger.parts], abs=0.01)


def test_without_names_and_in_another_organ_nothing_is_said():
    assert judged(STRAIGHT, {}, 0.0).resections[0].territories == ()
    assert judged(STRAIGHT, SEGMENTS, 0.0, organ="spleen").resections[0].territories == ()


def test_json_and_report_tell_the_same_figures():
    evaluation = judged(STRAIGHT, SEGMENTS, 3.0)
    result, answer = evaluation.resections[0], evaluation_as_json(evaluation)["resections"][0]["territories"]
    assert [(s["vessel"], s["kind"], s["confirmed"]) for s in answer] == [("portal vein", "segments", False)]
    assert [p["resected_ml"] for p in answer[0]["parts"]] == [p.resected_ml for p in result.territories[0].parts]
    (table,) = territory_blocks(result)
    assert [row[0].text for row in table.rows] == [p["name"] for p in answer[0]["parts"]]
    assert "confirm" in table.note
