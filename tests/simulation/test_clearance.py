"""Instruments past a ball: clearances, penetration depths and filled-in motions of closed form, in any frame."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from surgtwin.domain.tool import Capsule, CapsuleTool, MeshTool, NeedleTool, ToolPose
from surgtwin.errors import PlanError
from surgtwin.mesh.segment_distance import SegmentDistance
from surgtwin.simulation.clearance import Clearance, clearance_over_time, depths_of
from surgtwin.simulation.instrument import instrument_of
from surgtwin.simulation.motion import fill_in
from tests.planning.shapes import FRAMES, STRAIGHT, Frame, ball, box, make_geometry

STEP_MM = 0.4


@lru_cache(maxsize=2)
def twin(frame: Frame):
    shapes = {"ball": ball((50, 12, 0), 5), "block": box((-30, -40, -20), (10, -20, 20))}
    return make_geometry(shapes, frame, 62)


def pose(frame: Frame, tip, shaft, time_s: float = 0.0) -> ToolPose:
    """The tool with its tip at a place and its shaft towards a direction, in the shapes' own frame."""
    z = np.asarray(frame.direction(*shaft)) / np.linalg.norm(shaft)
    x = np.cross(z, [0.3, -0.5, 0.8])
    x /= np.linalg.norm(x)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack((x, np.cross(z, x), z), 1)
    matrix[:3, 3] = frame.point(*tip)
    return ToolPose(time_s, matrix)


def measure(frame: Frame, tool, poses, structure: str) -> tuple[Clearance, int]:
    geometry, instrument = twin(frame), instrument_of(tool)
    motion = fill_in(poses, instrument, STEP_MM)
    labels = geometry.twin.labels
    surface = SegmentDistance(geometry.surface(structure).mesh)
    depths = depths_of(labels.mask(structure), labels.grid)
    found = clearance_over_time(structure, surface, lambda: depths, instrument, motion)
    return found, len(motion)


@pytest.mark.parametrize("frame", FRAMES)
def test_a_needle_past_a_ball_has_the_clearance_of_the_closed_form(frame):
    found, _ = measure(frame, NeedleTool(1.0, 100.0), [pose(frame, (0, 0, 0), (1, 0, 0))], "ball")
    assert found.min_mm == pytest.approx(6.0, abs=0.35)
    assert found.at_mm == pytest.approx(frame.point(50, 0, 0), abs=1.5)
    assert found.surface_mm[0] == pytest.approx(frame.point(50, 7, 0), abs=1.5)


@pytest.mark.parametrize("frame", FRAMES)
def test_a_needle_through_the_middle_is_a_radius_deep(frame):
    found, _ = measure(frame, NeedleTool(1.0, 60.0), [pose(frame, (20, 12, 0), (1, 0, 0))], "ball")
    assert found.min_mm == pytest.approx(-6.0, abs=0.5)
    assert found.at_mm == pytest.approx(frame.point(50, 12, 0), abs=1.0)


@pytest.mark.parametrize("frame", FRAMES)
def test_a_needle_wholly_inside_is_as_deep_as_its_deepest_place(frame):
    found, _ = measure(frame, NeedleTool(1.0, 10.0), [pose(frame, (-20, -24, 0), (1, 0, 0))], "block")
    assert found.min_mm == pytest.approx(-5.0, abs=0.4)
    deeper, _ = measure(frame, NeedleTool(1.0, 10.0), [pose(frame, (-10, -22, 0), (0, -1, 0))], "block")
    assert deeper.min_mm == pytest.approx(-11.0, abs=0.4)


@pytest.mark.parametrize("frame", FRAMES)
def test_the_whole_chain_counts_not_the_tip(frame):
    """A hook to the side reaches the ball that the shaft passes at 12 mm."""
    own = pose(frame, (50, 0, -20), (0, 0, 1))
    side = np.linalg.inv(own.lps_from_tool)[:3, :3] @ np.asarray(frame.direction(0, 1, 0))
    hook = Capsule(tuple(20 * np.array([0, 0, 1.0])), tuple(20 * np.array([0, 0, 1.0]) + 4 * side), 1.0)
    tool = CapsuleTool((Capsule((0, 0, 0), (0, 0, 40), 0.5), hook))
    found, _ = measure(frame, tool, [own], "ball")
    assert found.min_mm == pytest.approx(2.0, abs=0.35)


@pytest.mark.parametrize("frame", FRAMES)
def test_a_moving_needle_is_nearest_when_it_passes(frame):
    poses = [pose(frame, (x, 0, 0), (0, 0, 1), t) for x, t in ((0, 0.0), (60, 6.0))]
    found, count = measure(frame, NeedleTool(1.0, 40.0), poses, "ball")
    assert count == pytest.approx(60 / STEP_MM + 1, abs=1)
    assert found.min_mm == pytest.approx(6.0, abs=0.35)
    assert found.worst / (count - 1) * 6.0 == pytest.approx(5.0, abs=0.15)
    truth = np.hypot(50 - 60 * np.arange(count) / (count - 1), 12) - 6
    assert found.mm == pytest.approx(truth, abs=0.35)


def test_a_rigid_motion_of_everything_changes_nothing():
    values = [measure(f, NeedleTool(2.0, 50.0), [pose(f, (0, 0, 0), (1, 0.3, 0.1))], "block")[0] for f in FRAMES]
    assert values[0].min_mm == pytest.approx(values[1].min_mm, abs=0.4)


def test_filling_in_moves_no_point_farther_than_the_step():
    rng = np.random.default_rng(3)
    tool = CapsuleTool((Capsule((0, 0, 0), (0, 0, 120), 2.0), Capsule((5, 0, 0), (0, 9, 30), 1.0)))
    instrument = instrument_of(tool)
    for trocar in (None, (3.0, -60.0, 20.0)):
        poses = [
            ToolPose(t, _matrix(Rotation.random(random_state=int(rng.integers(1e6))), rng.normal(size=3) * 30))
            for t in (0.0, 1.0, 2.5)
        ]
        motion = fill_in(poses, instrument, 0.7, trocar)
        starts, ends = instrument.axes_at(motion.lps_from_tool)
        moved = np.concatenate((np.diff(starts, axis=0), np.diff(ends, axis=0)), 1)
        assert np.linalg.norm(moved, axis=2).max() <= motion.step_mm <= 0.7
        assert motion.lps_from_tool[0] == pytest.approx(poses[0].lps_from_tool)
        assert motion.lps_from_tool[-1] == pytest.approx(poses[-1].lps_from_tool)
        assert motion.at(1.0) == pytest.approx(poses[1].lps_from_tool, abs=1e-9)
        assert np.all(np.diff(motion.times_s) > 0)


def test_a_roll_of_a_straight_shaft_needs_few_poses():
    turned = [ToolPose(t, _matrix(Rotation.from_rotvec([0, 0, a]), np.zeros(3))) for t, a in ((0.0, 0.0), (1.0, 3.0))]
    assert len(fill_in(turned, instrument_of(NeedleTool(1.0, 300.0)), 0.5)) <= 8


def test_a_path_without_end_is_refused_by_its_pose():
    poses = [ToolPose(t, _matrix(Rotation.identity(), np.array([x, 0.0, 0.0]))) for t, x in ((0.0, 0.0), (1.0, 9e4))]
    with pytest.raises(PlanError, match=r"poses\[1\].lps_from_tool: the path needs more than"):
        fill_in(poses, instrument_of(NeedleTool(1.0, 30.0)), 0.5)


def test_a_mesh_shaped_tool_is_covered_and_hardly_larger():
    """A box of 4 x 4 x 40 mm whose tip stands 8 mm over the block: never said to be farther, nor much nearer."""
    tool = _box_tool((-2, -2, 0), (2, 2, 40))
    found, _ = measure(STRAIGHT, tool, [pose(STRAIGHT, (-10, -12, 0), (0, 1, 0))], "block")
    assert 5.5 < found.min_mm <= 8.15


def test_an_open_mesh_is_no_tool():
    tool = _box_tool((-2, -2, 0), (2, 2, 40))
    with pytest.raises(PlanError, match="triangles: the tool's surface is not closed"):
        instrument_of(MeshTool(tool.vertices_mm, tool.triangles[1:]))


def _matrix(turn: Rotation, shift) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn.as_matrix(), shift
    return matrix


def _box_tool(low, high) -> MeshTool:
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
    vertices = np.asarray(low) + corners * (np.asarray(high) - np.asarray(low))
    quads = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
    triangles = [t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))]
    return MeshTool(vertices.astype(float), np.array(triangles))
