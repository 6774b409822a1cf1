"""Ports judged on a round body: what they reach, what is in the way, and how they meet."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from surgtwin.domain.trajectory import Avoid
from surgtwin.errors import PlanError
from surgtwin.planning.ports import PortRequest, judge_ports, ports_as_json
from surgtwin.planning.twin_geometry import TwinGeometry
from tests.planning.shapes import FRAMES, OBLIQUE, STRAIGHT, Frame, ball, make_geometry

SKIN = 45.0


@lru_cache(maxsize=2)
def abdomen(frame: Frame) -> TwinGeometry:
    """A body of 45 mm, the target in its middle, and a bone between it and what lies at +x."""
    shapes = {"body": ball((0, 0, 0), SKIN), "spleen": ball((0, 0, 0), 8), "bone": ball((25, 0, 0), 6)}
    return make_geometry(shapes, frame, 48)


def ports(frame: Frame, *own, target="spleen", **more):
    return judge_ports(abdomen(frame), PortRequest(tuple(frame.point(*p) for p in own), target, **more))


@pytest.mark.parametrize("frame", FRAMES)
def test_a_port_square_above_the_target_reaches_all_of_it(frame):
    port = ports(frame, (0, SKIN, 0)).ports[0]
    assert port.reach.percent == 100.0
    assert port.depth_mm == pytest.approx(SKIN, abs=1.5)
    assert port.tilt_deg < 3.0
    assert abs(port.skin_mm) < 1.5
    assert np.dot(port.port.inward, frame.direction(0, -1, 0)) > 0.998


@pytest.mark.parametrize("frame", FRAMES)
def test_what_lies_between_is_named_and_may_be_crossed_if_said(frame):
    port = ports(frame, (SKIN, 0, 0)).ports[0]
    assert port.reach.percent < 20.0
    assert set(port.blocked_by) == {"bone"}
    assert ports(frame, (SKIN, 0, 0), crossable=("bone",)).ports[0].reach.percent == 100.0


def test_a_clearance_takes_away_what_lies_near():
    wide, narrow = (ports(STRAIGHT, (25, 37, 0), avoid=(Avoid("bone", mm),)) for mm in (0.0, 12.0))
    assert wide.ports[0].reach.percent > narrow.ports[0].reach.percent


def test_a_short_instrument_and_a_stiff_wall_are_told_apart():
    short = ports(OBLIQUE, (0, SKIN, 0), length_mm=30.0).ports[0]
    assert short.refused == {"too_deep": len(short.reach.reached)}
    stiff = ports(OBLIQUE, (0, SKIN, 0), max_tilt_deg=4.0).ports[0]
    assert set(stiff.refused) == {"too_tilted"}
    assert 0.0 < stiff.reach.percent < 100.0


@pytest.mark.parametrize("frame", FRAMES)
def test_two_ports_meet_at_the_angle_between_them_and_the_best_pair_comes_first(frame):
    at = [(0.0, SKIN * np.cos(a), SKIN * np.sin(a)) for a in np.radians((0.0, 60.0, 180.0))]
    found = ports(frame, *at)
    best = found.pairs[0]
    assert (best.first, best.second) == (0, 1)
    assert best.angle_deg == pytest.approx(60.0, abs=2.0) and best.is_good and best.score > 0.96
    assert found.together_percent == 100.0
    answer = ports_as_json(found)
    assert answer["pairs"][0]["ports"] == [1, 2]
    assert [p["port"] for p in answer["ports"]] == [1, 2, 3]


def test_a_place_is_a_target_too():
    found = ports(STRAIGHT, (0, SKIN, 0), target=STRAIGHT.point(0, 20, 0))
    assert found.ports[0].reach.percent == 100.0 and len(found.ports[0].reach.reached) == 1
    assert found.ports[0].depth_mm == pytest.approx(25.0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"target": "liver"}, "target: there is no structure 'liver'"),
        ({"avoid": (Avoid("vein", 2.0),)}, "there is no structure 'vein'"),
        ({"length_mm": 0.0}, "length_mm"),
        ({"max_tilt_deg": 120.0}, "max_tilt_deg"),
        ({"target": (900.0, 0.0, 0.0)}, "outside the image"),
    ],
)
def test_mistakes_are_named(changes, words):
    with pytest.raises(PlanError, match=words):
        ports(STRAIGHT, (0, SKIN, 0), **changes)


def test_twice_the_same_trocar_and_none_at_all_are_refused():
    with pytest.raises(PlanError, match="trocar"):
        ports(STRAIGHT, (0, SKIN, 0), (0, SKIN, 0))
    with pytest.raises(PlanError, match="1 to 8 trocars"):
        ports(STRAIGHT)


def test_without_a_body_no_port_has_a_direction():
    geometry = make_geometry({"spleen": ball((0, 0, 0), 8)}, STRAIGHT, 12)
    with pytest.raises(PlanError, match="no 'body'"):
        judge_ports(geometry, PortRequest((STRAIGHT.point(0, 20, 0),), "spleen"))
