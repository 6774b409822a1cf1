"""Distances of segments, and needles that meet, nearly meet, or stand for each other."""

from __future__ import annotations

import numpy as np
import pytest

from surgtwin.domain.finding import Severity
from surgtwin.domain.plan import Plan
from surgtwin.domain.tool import NeedleTool
from surgtwin.domain.trajectory import Trajectory
from surgtwin.domain.verdict import Verdict
from surgtwin.planning.evaluate import evaluate_plan
from surgtwin.planning.needle_conflicts import needle_pairs, segment_distance
from surgtwin.planning.needle_settings import PlacementNoise
from tests.conftest import rotation
from tests.planning.shapes import ball, make_geometry

EXACT = PlacementNoise(tip_mm=0.0, source="test")


def needle(name: str, entry, target, length: float = 100.0) -> Trajectory:
    return Trajectory(name, entry, target, NeedleTool(1.0, length))


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (((0, 0, 0), (100, 0, 0)), ((50, 10, -20), (50, 10, 20)), 10.0),
        (((0, 0, 0), (100, 0, 0)), ((20, 3, 4), (80, 3, 4)), 5.0),
        (((0, 0, 0), (100, 0, 0)), ((103, 4, 0), (200, 4, 0)), 5.0),
        (((0, 0, 0), (100, 0, 0)), ((50, 3, 0), (50, 30, 0)), 3.0),
        (((0, 0, 0), (100, 0, 0)), ((-30, 0, 0), (-40, 5, 0)), 30.0),
        (((0, 0, 0), (0, 0, 0)), ((3, 4, -5), (3, 4, 5)), 5.0),
        (((1, 2, 3), (1, 2, 3)), ((1, 2, 10), (1, 2, 10)), 7.0),
        (((0, 0, 0), (10, 10, 0)), ((0, 10, 0), (10, 0, 0)), 0.0),
    ],
)
def test_the_distance_of_two_segments_is_that_of_the_closed_form(a, b, expected):
    turn = rotation((25.0, -40.0, 70.0))
    a0, a1, b0, b1 = (np.asarray(p, dtype=float) @ turn.T + [5, -6, 7] for p in (*a, *b))
    distance, on_a, on_b = segment_distance(a0, a1, b0, b1)
    assert distance == pytest.approx(expected, abs=1e-9)
    assert np.linalg.norm(on_a - on_b) == pytest.approx(distance, abs=1e-12)
    assert segment_distance(b1, b0, a1, a0)[0] == pytest.approx(expected, abs=1e-9), "either order, either end"


def test_no_pair_of_places_on_two_segments_is_nearer_than_their_distance():
    random = np.random.default_rng(3)
    share = np.linspace(0, 1, 101)[:, None]
    for _ in range(50):
        a0, a1, b0, b1 = random.normal(0, 30, (4, 3))
        places_a, places_b = a0 + share * (a1 - a0), b0 + share * (b1 - b0)
        every = np.linalg.norm(places_a[:, None] - places_b[None], axis=2).min()
        distance = segment_distance(a0, a1, b0, b1)[0]
        assert distance <= every + 1e-9 and distance >= every - 1.5


def test_needles_whose_shafts_cross_outside_the_body_meet():
    """Their ways end before they meet; their tools do not."""
    one, other = needle("one", (50, 0, 0), (0, 0, 0)), needle("other", (80, -40, 0), (80, -70, 0))
    (pair,) = needle_pairs((one, other), EXACT)
    assert pair.verdict is Verdict.VIOLATED and pair.gap_mm == pytest.approx(-2.0)
    assert pair.first_mm == pytest.approx((80, 0, 0), abs=1e-9) and pair.angle_deg == pytest.approx(90)


def test_a_gap_that_placement_may_close_is_unproven():
    one, other = needle("one", (50, 0, 0), (0, 0, 0)), needle("other", (50, 6, 0), (0, 6, 0))
    (sure,) = needle_pairs((one, other), EXACT)
    (unsure,) = needle_pairs((one, other), PlacementNoise())
    assert sure.gap_mm == unsure.gap_mm == pytest.approx(4.0)
    assert (sure.verdict, unsure.verdict) == (Verdict.SAFE, Verdict.UNPROVEN)


def test_findings_name_needles_that_meet_and_take_a_shared_target_for_alternatives():
    geometry = make_geometry({"body": ball((0, 0, 0), 50)})
    middle = geometry.twin.labels.grid.center()
    x, y, z = (float(c) for c in middle)
    first = needle("first", (x - 55, y, z), (x, y, z), 60)
    crossing = needle("crossing", (x - 30, y - 55, z), (x - 30, y + 5, z), 70)
    instead = needle("instead", (x, y - 55, z), (x, y, z), 60)
    evaluation = evaluate_plan(geometry, Plan(trajectories=(first, crossing, instead)))
    meet = [f for f in evaluation.findings if f.code == "needles-meet"]
    assert len(meet) == 1 and "'first' and 'crossing'" in meet[0].message and meet[0].severity is Severity.ERROR
    assert any(f.code == "needles-alternative" and "first, instead" in f.message for f in evaluation.findings)
