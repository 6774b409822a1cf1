"""Treated zones around balls whose coverage, margin and overlap are known, in any frame."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import pytest

from surgtwin.domain.plan import Plan
from surgtwin.domain.trajectory import Ablation
from surgtwin.domain.verdict import Verdict
from surgtwin.errors import PlanError
from surgtwin.planning.ablation import evaluate_ablation, evaluate_zones, overlap_ml, rim_distance
from surgtwin.planning.evaluate import evaluate_plan
from surgtwin.planning.evaluation_json import evaluation_as_json
from surgtwin.planning.settings import PlanningSettings
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.planning.zone_share import union_ml
from surgtwin.simulation.ellipsoid import zone_of
from tests.planning.shapes import FRAMES, OBLIQUE, STRAIGHT, Frame, ball, make_geometry, tube

LENS_MM3 = 10_471.976


@lru_cache(maxsize=2)
def liver(frame: Frame) -> TwinGeometry:
    shapes = {"liver": ball((0, 0, 0), 50), "tumour": ball((0, 0, 0), 15), "vein": tube((0, 22, -20), (0, 22, 20), 3)}
    return make_geometry(shapes, frame)


def zone(frame: Frame, centre, radii, axis=(1, 0, 0), axis_b=None, name="Z") -> Ablation:
    second = None if axis_b is None else frame.direction(*axis_b)
    return Ablation(name, "tumour", frame.point(*centre), frame.direction(*axis), radii, second)


@pytest.mark.parametrize("frame", FRAMES)
def test_a_ball_off_centre_covers_all_and_leaves_the_margin_of_the_closed_form(frame):
    result = evaluate_ablation(liver(frame), zone(frame, (5, 0, 0), (25, 25, 25)))
    assert result.coverage_percent == pytest.approx(100.0, abs=1e-9)
    assert result.min_margin_mm == pytest.approx(5.0, abs=0.4)
    assert result.at_mm == pytest.approx(frame.point(-15, 0, 0), abs=3.0)
    assert result.rim_at_mm == pytest.approx(frame.point(-20, 0, 0), abs=4.0)
    assert result.zone_ml == pytest.approx(4 / 3 * math.pi * 25**3 / 1000)
    assert result.verdict is Verdict.UNPROVEN


@pytest.mark.parametrize("frame", FRAMES)
def test_half_a_tumour_is_covered_by_a_zone_that_ends_in_its_middle(frame):
    """Two balls of one radius a radius apart share a lens of 5/16 of a ball; of R 15 and R 25 20 apart: closed form."""
    result = evaluate_ablation(liver(frame), zone(frame, (20, 0, 0), (25, 25, 25)))
    r, big, d = 15.0, 25.0, 20.0
    lens = math.pi * (big + r - d) ** 2 * (d * d + 2 * d * (r + big) - 3 * (r - big) ** 2) / (12 * d)
    assert result.coverage_percent == pytest.approx(100 * lens / (4 / 3 * math.pi * r**3), rel=0.01)
    assert result.min_margin_mm == pytest.approx(-10.0, abs=0.4)
    assert result.verdict is Verdict.VIOLATED and "not covered" in result.reason


@pytest.mark.parametrize("frame", FRAMES)
def test_a_long_zone_lies_along_its_axes(frame):
    along = evaluate_ablation(liver(frame), zone(frame, (0, 0, 0), (30, 22, 18), (0, 0, 1), (0, 1, 0)))
    assert along.min_margin_mm == pytest.approx(3.0, abs=0.4)
    assert np.abs((np.subtract(along.at_mm, frame.shift_mm) @ frame.turn)[0]) == pytest.approx(15.0, abs=1.5)
    turned = evaluate_ablation(liver(frame), zone(frame, (0, 0, 0), (30, 22, 18), (0, 0, 1), (1, 0, 0)))
    assert np.abs((np.subtract(turned.at_mm, frame.shift_mm) @ frame.turn)[1]) == pytest.approx(15.0, abs=1.5)


@pytest.mark.parametrize("frame", FRAMES)
def test_what_a_zone_reaches_is_its_share_of_other_structures(frame):
    result = evaluate_ablation(liver(frame), zone(frame, (0, 22, 0), (10, 10, 10)))
    assert result.reached_ml["vein"] == pytest.approx(math.pi * 9 * 20 / 1000, rel=0.06)
    whole = sum(result.reached_ml.values()) + result.coverage_percent / 100 * result.target_ml
    assert whole == pytest.approx(result.zone_ml, rel=4e-3)


def test_two_balls_share_the_lens_of_the_closed_form():
    zones = [zone_of(zone(OBLIQUE, (x, 0, 0), (20, 20, 20))) for x in (-10, 10)]
    together = union_ml(zones)
    assert overlap_ml(zones, together) * 1000 == pytest.approx(LENS_MM3, rel=2e-3)
    assert together * 1000 == pytest.approx(2 * 4 / 3 * math.pi * 8000 - LENS_MM3, rel=1e-3)


@pytest.mark.parametrize("frame", FRAMES)
def test_zones_together_are_bounded_by_the_rim_they_share(frame):
    """Two balls R20 20 apart meet in a circle of radius sqrt(300): the notch is 17.32 from the middle."""
    zones = [zone_of(zone(frame, (x, 0, 0), (20, 20, 20))) for x in (-10, 10)]
    own = np.array([[0, 0, 0], [0, 8, 0], [0, 25, 0], [10, 0, 0], [33, 0, 0], [12, 12, 0]])
    distance, place = rim_distance(zones, frame.points(own))
    truth = [math.sqrt(300), math.sqrt(300) - 8, 20 - math.hypot(10, 25), 20, -3, 20 - math.hypot(2, 12)]
    assert distance == pytest.approx(truth, abs=0.3)
    assert np.linalg.norm(place - frame.points(own), axis=1) == pytest.approx(np.abs(distance), abs=1e-6)


def test_zones_of_one_target_are_judged_together_only():
    plan = Plan(ablations=tuple(zone(STRAIGHT, (x, 0, 0), (20, 20, 20), name=f"Z{x}") for x in (-8, 8)))
    evaluation = evaluate_plan(liver(STRAIGHT), plan, PlanningSettings(ablation_margin_mm=0.0))
    assert [r.verdict for r in evaluation.ablations] == [None, None]
    together = evaluation.ablations_combined[0]
    assert together.zones == ("Z-8", "Z8") and together.coverage_percent == pytest.approx(100.0, abs=0.01)
    assert together.min_margin_mm == pytest.approx(math.sqrt(400 - 64) - 15, abs=0.4)
    assert together.overlap_ml > 0
    content = evaluation_as_json(evaluation)
    assert [a["name"] for a in content["ablations"]] == ["Z-8", "Z8"]
    assert content["ablations"][0]["coverage_percent"] < 100
    assert content["ablations_combined"][0]["verdict"] == "safe"


def test_findings_name_the_margin_the_vein_and_the_cooling():
    plan = Plan(ablations=(zone(STRAIGHT, (0, 8, 0), (20, 20, 20)),))
    found = {f.code: f for f in evaluate_plan(liver(STRAIGHT), plan).findings}
    assert found["ablation-violated"].numbers["min_margin_mm"] == pytest.approx(-3, abs=0.4)
    assert "outside the zone" in found["ablation-violated"].message
    assert found["ablation-reaches"].structure == "vein"
    assert "cooling is not modelled" in found["cooling-not-modelled"].message
    assert "outside-scan" not in found


def test_a_zone_that_leaves_the_image_is_computed_and_said_so():
    plan = Plan(ablations=(zone(OBLIQUE, (40, 0, 0), (70, 70, 70)),))
    evaluation = evaluate_plan(liver(OBLIQUE), plan)
    assert evaluation.ablations[0].coverage_percent == pytest.approx(100.0)
    assert evaluation.ablations[0].min_margin_mm == pytest.approx(15.0, abs=0.4)
    assert any(f.code == "outside-scan" and "unknown tissue" in f.message for f in evaluation.findings)


def test_a_zone_far_away_misses_its_target():
    result = evaluate_ablation(liver(STRAIGHT), zone(STRAIGHT, (300, 0, 0), (10, 10, 10)))
    assert result.coverage_percent == 0.0 and result.reached_ml == {}
    assert result.min_margin_mm == pytest.approx(-305.0, abs=0.5) and result.reason == "the zone misses the target"


def test_an_unknown_target_names_its_field():
    wrong = Ablation("Z", "tumor", (0, 0, 0), (1, 0, 0), (5, 5, 5))
    with pytest.raises(PlanError, match=r"ablations\[0\].target: there is no structure 'tumor'"):
        evaluate_plan(liver(STRAIGHT), Plan(ablations=(wrong,)))


def test_zones_of_different_targets_are_not_put_together():
    zones = [Ablation("Z", name, (0, 0, 0), (1, 0, 0), (5, 5, 5)) for name in ("tumour", "vein")]
    with pytest.raises(PlanError, match="one target"):
        evaluate_zones(liver(STRAIGHT), zones)
