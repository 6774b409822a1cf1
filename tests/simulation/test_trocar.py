"""Instruments in a port: the known answer, poses through it, and what stays fixed when they move."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from surgtwin.domain.tool import NeedleTool
from surgtwin.errors import PlanError
from surgtwin.simulation.instrument import instrument_of
from surgtwin.simulation.motion import fill_in
from surgtwin.simulation.trocar import manipulation_angle_deg, pose_through, poses_through, trocar_state
from tests.planning.shapes import FRAMES


@pytest.mark.parametrize("frame", FRAMES)
def test_depth_tilt_and_handle_are_those_of_the_known_answer(frame):
    port, tip = frame.point(0, 0, 0), frame.point(0, 60, -80)
    pose = pose_through(port, tip)
    state = trocar_state(pose.lps_from_tool, port, 330.0, frame.direction(0, 0, -1))
    assert state.depth_mm == pytest.approx(100.0)
    assert state.tilt_deg == pytest.approx(36.870, abs=5e-4)
    assert state.handle_mm == pytest.approx(frame.point(0, -138, 184), abs=1e-9)
    assert state.deviation_mm == pytest.approx(0.0, abs=1e-9)
    assert state.shaft_left_mm == pytest.approx(230.0)
    end = pose.lps_from_tool @ [0, 0, 330, 1]
    assert end[:3] == pytest.approx(state.handle_mm)


def test_a_shaft_beside_the_port_is_as_far_off_as_it_is():
    pose = pose_through((0, 0, 0), (0, 60, -80))
    moved = np.array(pose.lps_from_tool)
    moved[:3, 3] += [4.0, 0, 0]
    assert trocar_state(moved, (0, 0, 0), 330.0).deviation_mm == pytest.approx(4.0)
    assert trocar_state(moved, (0, 0, 0), 330.0).tilt_deg is None
    assert trocar_state(moved, (0, 0, 0), 80.0).shaft_left_mm == pytest.approx(-20.0, abs=0.1)


def test_between_poses_through_a_port_the_shaft_stays_in_it():
    port = (3.0, -2.0, 5.0)
    tips = [(40, 60, -80), (-50, 40, -60), (3, 10, -90.0)]
    poses = poses_through(port, tips, [0.0, 1.0, 2.0])
    motion = fill_in(poses, instrument_of(NeedleTool(2.5, 330.0)), 1.0, port)
    off = [trocar_state(m, port, 330.0).deviation_mm for m in motion.lps_from_tool]
    assert max(off) < 1e-6
    free = fill_in(poses, instrument_of(NeedleTool(2.5, 330.0)), 1.0)
    assert max(trocar_state(m, port, 330.0).deviation_mm for m in free.lps_from_tool) > 0.1


def test_poses_through_a_port_roll_as_little_as_can_be():
    tips = [(40 * np.cos(a), 40 * np.sin(a), -80.0) for a in np.linspace(0, 2, 20)]
    poses = poses_through((0, 0, 0), tips, list(range(20)))
    for before, after in pairwise(poses):
        turn = before.lps_from_tool[:3, :3].T @ after.lps_from_tool[:3, :3]
        angle = np.degrees(np.arccos((np.trace(turn) - 1) / 2))
        shafts = np.degrees(np.arccos(before.lps_from_tool[:3, 2] @ after.lps_from_tool[:3, 2]))
        assert angle == pytest.approx(shafts, rel=0.02)


def test_a_tip_in_the_port_has_no_direction():
    with pytest.raises(PlanError, match=r"tips_mm\[1\].tip_mm: the tip lies in the port"):
        poses_through((0, 0, 0), [(0, 0, -5), (0, 0, 0)], [0, 1])


def test_two_ports_meet_at_the_angle_between_them():
    assert manipulation_angle_deg((-50, 0, 0), (50, 0, 0), (0, 0, -50 * np.sqrt(3))) == pytest.approx(60.0)
