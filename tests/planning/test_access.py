"""Ways to a target in bodies of analytic shapes: which are allowed, and that none is called allowed wrongly."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import pytest

from surgtwin.domain.tool import NeedleTool
from surgtwin.domain.trajectory import Avoid
from surgtwin.domain.verdict import Verdict
from surgtwin.errors import PlanError
from surgtwin.planning.access import Access, AccessMap, map_access
from surgtwin.planning.access_paint import NOT_REACHED, paint_access
from surgtwin.planning.access_request import AccessRequest
from surgtwin.planning.access_skin import even_directions
from surgtwin.planning.access_target import deepest_point
from surgtwin.planning.candidates import AccessWeights, best_candidates, pareto_front
from surgtwin.planning.needle_line import NeedleLine
from surgtwin.planning.twin_geometry import TwinGeometry
from tests.planning.shapes import FRAMES, OBLIQUE, STRAIGHT, Frame, ball, box, make_geometry

NEEDLE = NeedleTool(1.0, 150.0)
DIRECTIONS = 2000

FLIPPED = Frame(
    np.eye(3),
    np.array([40.0, -25.5, 12.0]),
    np.array([[0.0, 0.0, -1.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]) * np.array([1.0, -1.0, 1.0]),
    (0.9, 1.1, 1.6),
)
"""Axes of the grid swapped, two of them running backwards, left-handed."""


@lru_cache(maxsize=4)
def abdomen(frame: Frame) -> TwinGeometry:
    """A round body with a liver, a tumour off its middle, and a ball of bone to the right of that."""
    shapes = {"body": ball((0, 0, 0), 50), "liver": ball((5, 0, 0), 25), "tumour": ball((10, 0, 0), 5)}
    return make_geometry(shapes | {"bone": ball((-30, 0, 0), 8)}, frame)


def mapped(frame: Frame, target=(10, 0, 0), **changes) -> AccessMap:
    changes = {"tool": NEEDLE, "directions": DIRECTIONS} | changes
    return map_access(abdomen(frame), AccessRequest(frame.point(*target), **changes))


def own_directions(access: AccessMap, frame: Frame) -> np.ndarray:
    return access.directions @ frame.turn


@pytest.mark.parametrize("frame", (*FRAMES, FLIPPED))
def test_lengths_and_angles_are_those_of_a_ball(frame):
    """From a point 10 mm off the middle of a ball of R 50: the law of cosines."""
    access = mapped(frame)
    cosine = own_directions(access, frame)[:, 0]
    expected = -10 * cosine + np.sqrt(50**2 - 10**2 * (1 - cosine**2))
    known = np.isfinite(access.length_mm)
    assert known.mean() == 1.0
    assert np.abs(access.length_mm - expected).max() < 1.0
    angles = np.degrees(np.arcsin(np.clip(10 / 50 * np.sqrt(1 - cosine**2), 0, 1)))
    measured = np.isfinite(access.skin_angle_deg)
    assert np.abs(access.skin_angle_deg - angles)[measured].mean() < 1.0
    assert np.abs(access.skin_angle_deg - angles)[measured].max() < 4.0


@pytest.mark.parametrize("frame", (*FRAMES, FLIPPED))
def test_a_ball_blocks_the_cone_of_the_closed_form(frame):
    """The bone's centre is 40 mm away: ways within asin((8 + 1 + 3) / 40) of it pass within 3 mm."""
    access = mapped(frame, avoid=(Avoid("bone", 3.0),))
    off_bone = np.degrees(np.arccos(np.clip(-own_directions(access, frame)[:, 0], -1, 1)))
    edge = math.degrees(math.asin((8 + 1 + 3) / 40))
    assert np.all(access.access[off_bone < edge - 2.0] == Access.TOO_CLOSE)
    assert np.all(access.allowed[off_bone > edge + 5.0])
    assert set(access.blocked_by()) == {"bone"}
    assert access.place.lesion == "tumour" and access.place.organ == "liver"


@pytest.mark.parametrize("frame", FRAMES)
def test_no_way_has_less_clearance_than_the_map_says(frame):
    """Exact distances along every allowed way are never below the map's figure."""
    access = mapped(frame, avoid=(Avoid("bone", 2.0),))
    surface, rows = abdomen(frame).surface("bone"), np.flatnonzero(access.allowed)
    rows = rows[np.argsort(access.slack_mm[rows])][:150]
    for row in rows:
        line = _line(access, int(row))
        exact = float(surface.at(line.points(np.linspace(0, line.length_mm, 60))).min()) - NEEDLE.radius_mm
        assert exact >= access.clearance_mm[row] - 1e-6
        assert exact - access.clearance_mm[row] < access.error_mm + 1.5, "nor is it far too careful"
        assert access.structures[access.nearest[row]] == "bone"


def _line(access: AccessMap, row: int) -> NeedleLine:
    entry, target = np.asarray(access.entry_mm(row)), np.asarray(access.request.target_mm)
    length = float(np.linalg.norm(target - entry))
    return NeedleLine(entry, (target - entry) / length, length)


@pytest.mark.parametrize("frame", FRAMES)
def test_candidates_keep_every_limit_exactly_and_lie_apart(frame):
    access = mapped(frame, avoid=(Avoid("bone", 5.0),))
    found = best_candidates(abdomen(frame), access, 4)
    assert len(found) == 4
    for candidate in found:
        kept = {c.structure: c for c in candidate.result.clearances}["bone"]
        assert kept.min_mm >= 5.0 and candidate.result.verdict is Verdict.SAFE
        assert candidate.result.length_mm == pytest.approx(access.length_mm[candidate.row])
        assert candidate.result.skin is not None and candidate.result.skin.depth_mm < 1.5
    entries = np.array([c.result.entry_mm for c in found])
    apart = np.linalg.norm(entries[:, None] - entries[None], axis=2)[np.triu_indices(4, 1)]
    assert apart.min() >= 15.0
    assert [c.score for c in found] == sorted(c.score for c in found)
    assert [c.result.name for c in found] == [f"access {n}" for n in (1, 2, 3, 4)]


def test_weights_sort_and_choose_nothing_else():
    access = mapped(STRAIGHT)
    shortest = best_candidates(abdomen(STRAIGHT), access, 3, AccessWeights(length=1, clearance=0, angle=0, risk=0))
    lengths = [c.result.length_mm for c in shortest]
    assert lengths == sorted(lengths) and lengths[0] < np.nanmin(access.length_mm[access.allowed]) + 1.0


def test_the_pareto_front_is_what_nothing_beats():
    costs = np.random.default_rng(5).normal(size=(300, 3)).round(1)
    front = pareto_front(costs)
    for n, cost in enumerate(costs):
        beaten = ((costs <= cost).all(1) & (costs < cost).any(1)).any()
        if front[n]:
            assert not beaten
        elif not beaten:
            assert (costs[front] == cost).all(1).any(), "an equal one stands for it"


def test_ways_longer_than_the_tool_are_refused():
    access = mapped(STRAIGHT, tool=NeedleTool(1.0, 45.0))
    assert np.all(access.length_mm[access.allowed] <= 45.0)
    assert access.counts()[Access.TOO_FAR] > 0
    lengths = access.length_mm[access.access == Access.TOO_FAR]
    assert np.all(np.isnan(lengths) | (lengths > 45.0))


def test_what_must_be_crossed_is_crossed():
    access = mapped(STRAIGHT, through=("bone",))
    directions = own_directions(access, STRAIGHT)[access.allowed]
    assert len(directions) and np.degrees(np.arccos(-directions[:, 0])).max() < math.degrees(math.asin(8 / 40)) + 2


def test_a_flat_way_and_a_thin_bridge_are_refused():
    flat = mapped(STRAIGHT, max_skin_angle_deg=8.0)
    assert flat.counts()[Access.TOO_FLAT] > 0 and np.nanmax(flat.skin_angle_deg[flat.allowed]) <= 8.0
    bridge = mapped(STRAIGHT, min_bridge_mm=18.0)
    assert bridge.counts()[Access.THIN_BRIDGE] > 0
    toward_left = own_directions(bridge, STRAIGHT)[:, 0] > 0.95
    assert np.all(bridge.access[toward_left] == Access.THIN_BRIDGE), "30 - 15 mm of liver on the tumour's near side"


def test_a_body_cut_off_by_the_scan_is_not_entered_there():
    geometry = make_geometry({"body": box((-200, -40, -40), (200, 40, 40)), "liver": ball((0, 0, 0), 20)})
    access = map_access(geometry, AccessRequest(STRAIGHT.point(0, 0, 0), NEEDLE, directions=DIRECTIONS))
    assert np.all(access.access[np.abs(access.directions[:, 0]) > 0.95] == Access.LEAVES_SCAN)
    assert access.counts()[Access.ALLOWED] > 0


def test_an_arm_beside_the_body_is_in_the_tools_way():
    shapes = {"body": lambda own: ball((0, 0, 0), 30)(own) | box((-20, 38, -20), (20, 50, 20))(own)}
    geometry = make_geometry(shapes | {"liver": ball((0, 0, 0), 10)})
    access = map_access(geometry, AccessRequest(STRAIGHT.point(0, 0, 0), NEEDLE, directions=DIRECTIONS))
    assert np.all(access.access[access.directions[:, 1] > 0.95] == Access.BODY_AGAIN)
    assert np.all(access.allowed[access.directions[:, 1] < 0])


@pytest.mark.parametrize("frame", FRAMES)
def test_grazing_the_steps_of_voxels_is_no_second_body(frame):
    """Ways along the flat sides of a box leave it once, at any slant."""
    geometry = make_geometry({"body": box((-45, -20, -45), (45, 20, 45)), "liver": ball((0, 0, 0), 10)}, frame)
    target = frame.point(0, 17, 0)
    access = map_access(geometry, AccessRequest(target, NEEDLE, directions=10_000))
    assert access.counts()[Access.BODY_AGAIN] == 0
    slanted = np.abs(own_directions(access, frame)[:, 1] - 0.2) < 0.02
    assert np.abs(access.length_mm[slanted] * own_directions(access, frame)[slanted, 1] - 3).max() < 1.5


def test_a_target_that_touches_a_vessel_says_so():
    shapes = {"body": ball((0, 0, 0), 50), "liver": ball((0, 0, 0), 30), "aorta": ball((12, 0, 0), 8)}
    geometry = make_geometry(shapes)
    request = AccessRequest(STRAIGHT.point(0, 0, 0), NEEDLE, avoid=(Avoid("aorta", 5.0),), directions=DIRECTIONS)
    access = map_access(geometry, request)
    assert not access.allowed.any() and best_candidates(geometry, access) == ()
    (finding,) = access.findings
    assert finding.code == "target-too-close" and "aorta" in finding.message
    assert finding.numbers["min_mm"] == pytest.approx(3.0, abs=0.6)


@pytest.mark.parametrize("frame", FRAMES)
def test_the_skin_is_painted_with_the_way_that_comes_out_there(frame):
    access = mapped(frame, avoid=(Avoid("bone", 3.0),))
    vertices = abdomen(frame).surface("body").mesh.vertices_mm
    own = (vertices - frame.shift_mm) @ frame.turn
    outer = np.linalg.norm(own, axis=1) > 48
    painted = paint_access(access, vertices)
    assert np.all(painted.access[outer] != NOT_REACHED)
    assert np.all(painted.access[~outer & (np.linalg.norm(own - [10, 0, 0], axis=1) < 20)] == NOT_REACHED)
    behind_bone = outer & (own[:, 0] < -48)
    assert np.all(painted.access[behind_bone] == Access.TOO_CLOSE) and not painted.is_proven[behind_bone].any()
    away = np.linalg.norm(own - [10, 0, 0], axis=1)
    assert np.nanmax(np.abs(painted.length_mm - away)[outer]) < 3.0


def test_the_deepest_point_of_a_shape_lies_where_its_largest_ball_does():
    """Of a ball with a long thin handle: in the ball, although the centroid is not."""
    head, handle = ball((-25, 0, 0), 12), box((-20, -2, -2), (45, 2, 2))
    shapes = {"body": ball((0, 0, 0), 50), "liver": lambda own: head(own) | handle(own)}
    for frame in FRAMES:
        found = deepest_point(make_geometry(shapes, frame), "liver")
        assert found == pytest.approx(frame.point(-25, 0, 0), abs=1.6)


def test_directions_are_spread_evenly():
    directions = even_directions(10_000)
    assert np.linalg.norm(directions, axis=1) == pytest.approx(np.ones(10_000))
    assert np.abs(directions.mean(0)).max() < 1e-3
    near = np.sort(directions[::97] @ directions.T, axis=1)[:, -2]
    spacing = np.degrees(np.arccos(near))
    assert spacing.min() > 1.5 and spacing.max() < 2.3


def test_turning_patient_and_target_together_turns_the_map():
    one, other = (mapped(f, avoid=(Avoid("bone", 3.0),)) for f in FRAMES)
    assert one.allowed.mean() == pytest.approx(other.allowed.mean(), abs=0.01)
    assert np.nanmin(one.length_mm) == pytest.approx(np.nanmin(other.length_mm), abs=1.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": (500, 0, 0)}, "outside the image, which covers LPS"),
        ({"target": (54, 0, 0)}, "outside the body"),
        ({"avoid": (Avoid("vein", 5.0),)}, "no structure 'vein'.*there are: body, liver, tumour, bone"),
        ({"avoid": (Avoid("liver", 5.0),)}, "target lies in 'liver'"),
        ({"avoid": (Avoid("bone", 5.0),), "crossable": ("bone",)}, "avoided and to be crossed"),
        ({"directions": 5}, "100 to 200000 directions"),
    ],
)
def test_what_cannot_be_asked_is_explained(changes, message):
    with pytest.raises(PlanError, match=message):
        mapped(OBLIQUE, **changes)


def test_a_twin_without_a_body_is_refused_with_what_to_do():
    geometry = make_geometry({"liver": ball((0, 0, 0), 20)})
    with pytest.raises(PlanError, match=r"no 'body'.*add a label named 'body'"):
        map_access(geometry, AccessRequest(STRAIGHT.point(0, 0, 0), NEEDLE))
