"""Reach through a port, in closed form: a cone of depths, the shadow of a ball; and angles between ports."""

from __future__ import annotations

import math

import numpy as np
import pytest
import trimesh

from surgtwin.domain.mesh import OrganMesh
from surgtwin.errors import PlanError
from surgtwin.mesh.segment_distance import SegmentDistance
from surgtwin.simulation.reach import Port, Reached, reach_map, triangulation
from tests.planning.shapes import FRAMES, Frame


def port(frame: Frame, **changes) -> Port:
    settings = {"max_depth_mm": 100.0, "max_tilt_deg": 40.0, "min_depth_mm": 20.0} | changes
    return Port(frame.point(0, 0, 0), frame.direction(0, 0, -1), **settings)


@pytest.mark.parametrize("frame", FRAMES)
def test_a_port_reaches_a_cone_between_its_depths(frame):
    own = np.array([[0, 0, -50], [0, 0, -10], [0, 0, -120], [50, 0, -50], [40, 0, -50], [0, 0, 50.0]])
    found = reach_map(port(frame), frame.points(own))
    wanted = [Reached.YES, Reached.TOO_NEAR, Reached.TOO_DEEP, Reached.TOO_TILTED, Reached.YES, Reached.TOO_TILTED]
    assert found.reached.tolist() == wanted
    assert found.percent == pytest.approx(100 * 2 / 6)


@pytest.mark.parametrize("frame", FRAMES)
def test_a_ball_throws_a_shadow_as_wide_as_it_and_the_shaft(frame):
    """A ball r 5, 40 mm below the port, kept clear by 1 mm by a shaft r 2: sin(angle) = 8 / 40 limits the shadow."""
    shape = trimesh.creation.icosphere(4, 5.0)
    vertices = frame.points(np.asarray(shape.vertices) + np.array([0, 0, -40.0]))
    ball = SegmentDistance(OrganMesh("ball", vertices, np.asarray(shape.faces, np.int32), (1, 2, 3)))
    limit = math.degrees(math.asin(8 / 40))
    angles = np.radians([0, limit - 0.3, limit + 0.3, 30])
    own = 80 * np.stack((np.sin(angles), 0 * angles, -np.cos(angles)), 1)
    found = reach_map(port(frame, radius_mm=2.0), frame.points(own), [(ball, 1.0)])
    assert found.reached.tolist() == [Reached.BLOCKED, Reached.BLOCKED, Reached.YES, Reached.YES]
    assert found.blocked_by.tolist() == [0, 0, -1, -1]
    before = reach_map(port(frame), frame.points(np.array([[0, 0, -25.0]])), [(ball, 1.0)])
    assert before.reached.tolist() == [Reached.YES]


def test_ports_are_scored_by_the_angle_their_instruments_meet_at():
    place = (0.0, 0.0, 0.0)
    ports = [tuple(100 * np.array([math.sin(a), 0, math.cos(a)])) for a in np.radians([-30.0, 30.0, 150.0])]
    pairs = triangulation(ports, place)
    assert (pairs[0].first, pairs[0].second) == (0, 1)
    assert pairs[0].angle_deg == pytest.approx(60.0) and pairs[0].score == pytest.approx(1.0) and pairs[0].is_good
    assert {round(p.angle_deg): round(p.score, 6) for p in pairs[1:]} == {120: 0.0, 180: 0.0}
    assert not any(p.is_good for p in pairs[1:])


@pytest.mark.parametrize(
    ("changes", "field"), [({"max_tilt_deg": 120.0}, "max_tilt_deg"), ({"max_depth_mm": 10.0}, "max_depth_mm")]
)
def test_a_port_that_makes_no_sense_names_its_field(changes, field):
    with pytest.raises(PlanError, match=field):
        port(FRAMES[0], **changes)
    with pytest.raises(PlanError, match="first_port_mm"):
        triangulation([(0, 0, 0), (1, 0, 0)], (0, 0, 0))
