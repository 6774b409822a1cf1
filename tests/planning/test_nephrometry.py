"""Tumours in kidneys of known shape: contact area, outgrowth, and each letter of the R.E.N.A.L. score."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from surgtwin.domain.cut import PlaneCut
from surgtwin.domain.plan import PatientFigures, Resection
from surgtwin.planning.kidney_json import kidney_as_json
from surgtwin.planning.nephrometry import KidneyTumour, RenalScore, kidney_tumours
from surgtwin.planning.resection import cut_organ, evaluate_resection
from surgtwin.planning.twin_geometry import TwinGeometry
from tests.conftest import rotation
from tests.planning.shapes import STRAIGHT as UNIT
from tests.planning.shapes import Frame, Inside, Points, ball, box, make_twin

TILTED = Frame(
    rotation((10.0, -8.0, 12.0)), np.array([-31.5, 17.25, -240.0]), rotation((12.0, -7.0, 20.0)), (1.2, 1.2, 2.0)
)
STRAIGHT = replace(UNIT, spacing_ijk=(1.5, 1.5, 1.5))
FRAMES = (STRAIGHT, TILTED)
UPPER_LINE_MM = 18.0


def kidney(opens_to: float) -> Inside:
    """An ellipsoid, 110 mm long, whose sinus opens towards -x or +x between z = -18 and 18."""
    radii = np.array([25.0, 28.0, 55.0])
    low, high = sorted((3.0 * opens_to, 30.0 * opens_to))
    hollow = box((low, -9, -UPPER_LINE_MM), (high, 9, UPPER_LINE_MM))

    def inside(own: Points):
        return (((own / radii) ** 2).sum(-1) <= 1.0) & ~hollow(own)

    return inside


def judged(tumour: Inside, frame: Frame = STRAIGHT, organ: str = "left kidney", **more: Inside) -> KidneyTumour:
    opens_to = -1.0 if organ == "left kidney" else 1.0
    shapes = {organ: kidney(opens_to), **{n.replace("_", " "): s for n, s in more.items()}, "tumour": tumour}
    (found,) = of(make_geometry(shapes, frame, 62), organ, frame)
    return found


def make_geometry(shapes: dict[str, Inside], frame: Frame, half_mm: float) -> TwinGeometry:
    return TwinGeometry(make_twin(shapes, frame, half_mm, with_meshes=False))


def of(geometry: TwinGeometry, organ: str, frame: Frame) -> tuple[KidneyTumour, ...]:
    cut = PlaneCut(frame.point(0, 0, 0), frame.direction(0, 0, 1))
    return kidney_tumours(geometry, [Resection("A", organ, cut, targets=("tumour",))])


@pytest.mark.parametrize("frame", FRAMES)
def test_contact_and_outgrowth_of_a_ball_on_a_ball(frame):
    """Balls of 40 and 15 mm, 42 apart: the smaller one's surface and volume inside the larger."""
    big, small, apart = 40.0, 15.0, 42.0
    geometry = make_geometry({"left kidney": ball((0, 0, 0), big), "tumour": ball((0, apart, 0), small)}, frame, 62)
    (found,) = of(geometry, "left kidney", frame)
    waist = (apart**2 + big**2 - small**2) / (2 * apart)
    height = small - (apart - waist)
    assert found.contact_mm2 == pytest.approx(2 * math.pi * small * height, rel=0.06)
    assert found.contact_percent == pytest.approx(100 * height / (2 * small), abs=3.0)
    caps = [math.pi * h * h * (r - h / 3) for r, h in ((small, height), (big, big - waist))]
    outside = 100 * (1 - sum(caps) / (4 / 3 * math.pi * small**3))
    assert found.exophytic_percent == pytest.approx(outside, abs=4.5)
    assert found.diameter_mm == pytest.approx(30.0, abs=1.0)
    assert found.score.radius == 1 and found.score.exophytic == 1


def test_a_buried_tumour_touches_all_around_and_grows_nowhere_out():
    found = judged(ball((10, 0, 30), 7))
    assert found.contact_percent == pytest.approx(100.0, abs=0.5)
    assert found.contact_mm2 == pytest.approx(4 * math.pi * 49, rel=0.04)
    assert found.exophytic_percent == 0.0 and found.score.exophytic == 3


def test_a_tumour_that_bulges_a_little_gets_two_points():
    found = judged(ball((0, -20, 0), 12))
    assert found.exophytic_percent is not None and 5 < found.exophytic_percent < 45
    assert found.score.exophytic == 2


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize(("z", "points"), [(36, 1), (21, 2), (14, 3), (0, 3), (-21, 2), (-36, 1)])
def test_location_follows_the_polar_lines(frame, z, points):
    found = judged(ball((10, 0, z), 8), frame)
    assert found.score.location == points
    share = np.clip((UPPER_LINE_MM - (abs(z) - 8)) / 16, 0, 1)
    assert found.between_poles_percent == pytest.approx(100 * share**2 * (3 - 2 * share), abs=20.0)


def test_a_tumour_across_the_midline_gets_three_points_wherever_most_of_it_lies():
    assert judged(ball((0, -25, 8), 12)).score.location == 3


@pytest.mark.parametrize("organ", ["left kidney", "right kidney"])
@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize(("y", "face"), [(-18, "a"), (18, "p"), (0, "x")])
def test_anterior_is_the_patients_front_on_either_side(organ, frame, y, face):
    lateral = 10.0 if organ == "left kidney" else -10.0
    assert judged(ball((lateral, y, 20), 6), frame, organ).score.face == face


@pytest.mark.parametrize(("gap", "points"), [(2.0, 3), (5.5, 2), (9.0, 1)])
def test_nearness_is_the_distance_from_the_collecting_system(gap, points):
    pelvis = box((-30, -9, -UPPER_LINE_MM), (-3, 9, UPPER_LINE_MM))
    found = judged(ball((-3 + gap + 6, 0, 0), 6), left_renal_pelvis=pelvis)
    assert found.sinus_mm == pytest.approx(gap, abs=0.8)
    assert found.score.nearness == points
    assert found.score.withheld == {}
    assert found.score.total == found.score.range[0] == 1 + 3 + points + 3
    assert found.score.complexity == ("high" if found.score.total >= 10 else "moderate")


def test_the_other_kidneys_pelvis_says_nothing():
    found = judged(ball((10, 0, 0), 6), right_renal_pelvis=box((-55, -5, -5), (-45, 5, 5)))
    assert found.sinus_mm is None and found.score.nearness is None
    assert "no collecting system" in found.score.withheld["n"]


def test_without_a_sinus_the_score_is_a_range_and_says_why():
    geometry = make_geometry({"left kidney": ball((0, 0, 0), 35), "tumour": ball((0, 30, 0), 8)}, STRAIGHT, 50)
    (found,) = of(geometry, "left kidney", STRAIGHT)
    score = found.score
    assert score.location is None and score.total is None and set(score.withheld) == {"n", "l"}
    assert score.range == (score.radius + score.exophytic + 2, score.radius + score.exophytic + 6)


@pytest.mark.parametrize(("gap", "touches"), [(0.0, True), (12.0, False)])
def test_a_hilar_tumour_touches_the_main_vessel(gap, touches):
    vein = box((-50, -3, -3), (-8 - gap, 3, 3))
    assert judged(ball((0, 0, 0), 8), left_renal_vein=vein).score.is_hilar is touches
    assert judged(ball((0, 0, 0), 8)).score.is_hilar is None


@pytest.mark.parametrize(("diameter", "points"), [(40.0, 1), (40.5, 2), (69.5, 2), (70.0, 3)])
def test_points_change_at_the_tables_limits(diameter, points):
    from surgtwin.planning.nephrometry import DIAMETER_MM, _steps

    assert _steps(diameter, DIAMETER_MM) == points


def test_complexity_is_said_only_when_no_withheld_point_could_change_it():
    sure = RenalScore(3, 3, None, "a", 3, None, {"n": "no sinus"})
    open_ = replace(sure, exophytic=1)
    assert sure.range == (10, 12) and sure.total is None and sure.complexity == "high"
    assert open_.range == (8, 10) and open_.complexity is None


def test_a_resection_of_a_kidney_carries_the_figures_and_that_of_a_liver_does_not():
    frame = STRAIGHT
    for organ in ("left kidney", "liver"):
        geometry = make_geometry({organ: ball((0, 0, 0), 35), "tumour": ball((0, 28, 0), 8)}, frame, 50)
        cut = PlaneCut(frame.point(0, 15, 0), frame.direction(0, 1, 0))
        resection = Resection("A", organ, cut, targets=("tumour",))
        result = evaluate_resection(geometry, cut_organ(geometry, resection), PatientFigures())
        if organ == "liver":
            assert result.kidney is None
        else:
            assert result.kidney is not None
            (told,) = kidney_as_json(result.kidney)
            assert told["target"] == "tumour" and told["contact_mm2"] == result.kidney[0].contact_mm2
            assert told["renal"]["n"] is None and "n" in told["renal"]["withheld"]


def test_how_far_points_lie_beyond_a_hull_does_not_depend_on_how_many_are_asked_at_once():
    from surgtwin.planning.outgrowth import AT_ONCE, _beyond_hull

    corners = np.array([[x, y, z] for x in (-3.0, 3.0) for y in (-2.0, 2.0) for z in (-1.0, 1.0)])
    points = np.random.default_rng(3).uniform(-6, 6, (2 * AT_ONCE + 7, 3))
    expected = (np.abs(points) - [3.0, 2.0, 1.0]).max(1)
    assert _beyond_hull(points, corners) == pytest.approx(expected, abs=1e-9)
    assert _beyond_hull(points[:0], corners).shape == (0,)
