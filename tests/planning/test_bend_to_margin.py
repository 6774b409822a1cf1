"""A patch bent to a distance from targets: the least distance is the one wanted, wherever it was before."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from surgtwin.domain.cut import BezierCut
from surgtwin.errors import PlanError
from surgtwin.planning.bend_to_margin import bent_to_margin
from surgtwin.planning.bezier import evaluate_patch, flat_patch, is_folded
from surgtwin.planning.start_cut import clearance_mm
from tests.planning.shapes import OBLIQUE, STRAIGHT, Frame

RADIUS_MM = 8.0
WANTED_MM = 10.0


def ball_at(frame: Frame, height_mm: float) -> np.ndarray:
    own = np.asarray(trimesh.creation.icosphere(4, radius=RADIUS_MM).vertices) + np.array([0.0, 0.0, height_mm])
    return frame.points(own)


def patch(frame: Frame, height_mm: float, flip: bool = False) -> BezierCut:
    """Flat and wide, its resected side up; `flip` runs u and v the other way round."""
    u, v = np.array(frame.direction(150, 0, 0)), np.array(frame.direction(0, 150, 0))
    centre = frame.point(0, 0, height_mm)
    return BezierCut(flat_patch(centre, v, u) if flip else flat_patch(centre, u, v), flip)


@pytest.mark.parametrize("frame", [STRAIGHT, OBLIQUE])
@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("height_mm", [0.0, 12.0, 22.0, 27.0, 33.0])
def test_least_distance_is_the_one_wanted_from_before_through_and_behind_the_target(
    frame: Frame, flip: bool, height_mm: float
) -> None:
    targets = ball_at(frame, 30.0)
    bent = bent_to_margin(patch(frame, height_mm, flip), targets, WANTED_MM)
    assert clearance_mm(bent.control_points_mm, targets) == pytest.approx(WANTED_MM, abs=0.15)
    assert bent.flip is flip
    assert not is_folded(bent.control_points_mm)
    under = evaluate_patch(bent.control_points_mm, 0.5, 0.5).points_mm
    up = np.array(frame.direction(0, 0, 1))
    assert (targets - under) @ up == pytest.approx(np.clip((targets - under) @ up, WANTED_MM - 0.2, None), abs=1e-9)


def test_what_lies_far_from_the_targets_moves_little() -> None:
    targets = ball_at(STRAIGHT, 12.0)
    before = patch(STRAIGHT, 0.0)
    bent = bent_to_margin(before, targets, WANTED_MM)
    moved = np.linalg.norm(bent.control_points_mm - before.control_points_mm, axis=2)
    assert moved[1:3, 1:3].min() > 3 * moved[[0, 0, 3, 3], [0, 3, 0, 3]].max()


def test_a_patch_that_no_target_lies_over_stays_as_it_was() -> None:
    before = patch(STRAIGHT, 0.0)
    aside = ball_at(STRAIGHT, 0.0) + np.array([400.0, 0.0, 0.0])
    assert np.array_equal(bent_to_margin(before, aside, WANTED_MM).control_points_mm, before.control_points_mm)


def test_two_targets_are_both_kept_clear_of() -> None:
    both = np.concatenate((ball_at(STRAIGHT, 14.0), ball_at(STRAIGHT, 22.0) + np.array([40.0, 0.0, 0.0])))
    bent = bent_to_margin(patch(STRAIGHT, 12.0), both, WANTED_MM)
    assert clearance_mm(bent.control_points_mm, both) >= WANTED_MM - 0.05


@pytest.mark.parametrize("distance", [0.0, -1.0, float("nan")])
def test_a_distance_that_is_none_is_refused(distance: float) -> None:
    with pytest.raises(PlanError, match="distance_mm"):
        bent_to_margin(patch(STRAIGHT, 0.0), ball_at(STRAIGHT, 30.0), distance)


def test_nothing_to_keep_clear_of_is_refused() -> None:
    with pytest.raises(PlanError, match="no target"):
        bent_to_margin(patch(STRAIGHT, 0.0), np.zeros((0, 3)), WANTED_MM)
