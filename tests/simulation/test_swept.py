"""Swept and removed volumes of closed form, in any frame, inside the image and beyond it."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import pytest

from surgtwin.domain.tool import Capsule, CapsuleTool, NeedleTool, ToolPose
from surgtwin.simulation.instrument import instrument_of
from surgtwin.simulation.motion import fill_in
from surgtwin.simulation.swept import removed_ml, sweep
from tests.planning.shapes import FRAMES, OBLIQUE, STRAIGHT, Frame, ball, box, make_twin

SPHERE = CapsuleTool((Capsule((0, 0, 0), (0, 0, 0), 5.0),))


def poses(frame: Frame, *tips) -> list[ToolPose]:
    found = []
    for n, tip in enumerate(tips):
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = frame.turn, frame.point(*tip)
        found.append(ToolPose(float(n), matrix))
    return found


def swept(frame: Frame, tool, *tips, step_mm: float = 0.4):
    instrument = instrument_of(tool)
    return sweep(instrument, fill_in(poses(frame, *tips), instrument, step_mm))


@pytest.mark.parametrize("frame", FRAMES)
def test_a_swept_ball_is_a_capsule(frame):
    found = swept(frame, SPHERE, (-50, 0, 0), (50, 0, 0))
    assert found.volume_ml * 1000 == pytest.approx(math.pi * 25 * 100 + 4 / 3 * math.pi * 125, rel=0.01)


@pytest.mark.parametrize("frame", FRAMES)
def test_a_swept_ball_of_100_mm_path_and_no_more_than_that(frame):
    """The table's 8377.580 mm3 is the capsule of a ball r 5 whose centre goes 100 mm."""
    found = swept(frame, SPHERE, (0, -20, -30), (0, 40, 50))
    assert found.volume_ml * 1000 == pytest.approx(8377.580, rel=0.01)


@pytest.mark.parametrize("frame", FRAMES)
def test_a_tool_that_stands_still_sweeps_its_own_volume(frame):
    for radius, length in ((1.0, 60.0), (4.0, 30.0)):
        found = swept(frame, NeedleTool(radius, length), (3, 4, 5))
        assert found.volume_ml * 1000 == pytest.approx(
            math.pi * radius**2 * length + 4 / 3 * math.pi * radius**3, rel=0.01
        )


@pytest.mark.parametrize("frame", FRAMES)
def test_a_shaft_moved_sideways_sweeps_a_board_with_round_edges(frame):
    found = swept(frame, NeedleTool(2.0, 40.0), (0, 0, 0), (30, 0, 0))
    truth = 30 * 40 * 4 + (30 + 40) * math.pi * 4 + 4 / 3 * math.pi * 8
    assert found.volume_ml * 1000 == pytest.approx(truth, rel=0.01)


def test_going_there_and_back_sweeps_nothing_twice():
    once = swept(STRAIGHT, SPHERE, (0, 0, 0), (20, 0, 0)).volume_ml
    twice = swept(STRAIGHT, SPHERE, (0, 0, 0), (20, 0, 0), (0, 0, 0)).volume_ml
    assert twice == pytest.approx(once, rel=1e-3)


@lru_cache(maxsize=2)
def labels(frame: Frame):
    shapes = {"bone": box((-30, -30, -30), (30, 30, 0)), "nerve": ball((20, 0, -12), 6)}
    return make_twin(shapes, frame, 45, with_meshes=False).labels


@pytest.mark.parametrize("frame", FRAMES)
def test_a_burr_takes_from_each_structure_what_lies_in_its_way(frame):
    """A ball r 5 along x through a block of 60 mm, past a nerve that is spared."""
    found = swept(frame, SPHERE, (-60, -15, -14), (60, -15, -14))
    removed = removed_ml(found, labels(frame))
    assert removed["bone"] * 1000 == pytest.approx(math.pi * 25 * 60, rel=0.02)
    assert removed["nerve"] == 0.0


def test_what_is_removed_of_a_structure_is_at_most_all_of_it():
    found = swept(OBLIQUE, CapsuleTool((Capsule((0, 0, 0), (0, 0, 0), 15.0),)), (20, 0, -12))
    all_of_it = labels(OBLIQUE).volume_ml(labels(OBLIQUE).structure("nerve"))
    assert removed_ml(found, labels(OBLIQUE))["nerve"] == pytest.approx(all_of_it, rel=0.01)


def test_the_swept_space_does_not_end_with_the_image():
    found = swept(STRAIGHT, SPHERE, (300, 0, 0), (400, 0, 0))
    assert found.volume_ml * 1000 == pytest.approx(8377.580, rel=0.01)
    assert set(removed_ml(found, labels(STRAIGHT)).values()) == {0.0}


def test_a_long_thin_tool_that_swings_far_gets_larger_voxels_not_more_memory(monkeypatch):
    monkeypatch.setattr("surgtwin.simulation.swept.MAX_BRICKS", 40)
    found = swept(STRAIGHT, NeedleTool(1.0, 60.0), (0, 0, 0), (20, 0, 0))
    assert found.pitch_mm > 1 / 3 + 1e-9
    assert found.volume_ml * 1000 == pytest.approx(20 * 60 * 2 + 80 * math.pi + 4 / 3 * math.pi, rel=0.02)
