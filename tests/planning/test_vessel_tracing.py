"""Tubes of known course: lengths, radii, forks, roots and orders, in any frame and on any grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from surgtwin.errors import PlanError
from surgtwin.imaging.centreline import skeleton_of
from surgtwin.planning.vessel_graph import NodeKind
from surgtwin.planning.vessel_tracing import trace_vessel
from tests.conftest import rotation
from tests.planning.shapes import OBLIQUE, STRAIGHT, ball, make_twin, tube
from tests.planning.vessels import fork, own_points, traced, union

THICK_SLICES = replace(OBLIQUE, spacing_ijk=(0.7, 0.7, 2.5))
FRAMES = (STRAIGHT, OBLIQUE, THICK_SLICES)


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("radius", [2.5, 4.0, 8.0])
def test_a_tube_is_one_edge_with_its_length_and_its_radius(frame, radius):
    graph = traced(tube((-30, -10, -5), (30, 10, 5), radius), frame, 48)
    (edge,) = graph.edges
    assert edge.length_mm == pytest.approx(np.hypot(60, np.hypot(20, 10)) + 2 * radius, abs=2.0)
    assert edge.mean_diameter_mm == pytest.approx(2 * radius, abs=0.15 * max(frame.spacing_ijk) + 0.2)
    own = own_points(frame, edge.points_mm)
    axis = np.array([6, 2, 1]) / np.sqrt(41)
    off = np.linalg.norm(own - (own @ axis)[:, None] * axis, axis=1)
    assert off.max() < 0.6 * max(frame.spacing_ijk)
    assert off.mean() < 0.25


@pytest.mark.parametrize("frame", FRAMES)
def test_a_fork_has_a_root_two_branches_and_the_angle_between_them(frame):
    graph = traced(fork(), frame)
    root, thick, thin = (graph.edges[graph.edges_of(name)[0]] for name in ("1", "1.1", "1.2"))
    assert len(graph.edges) == 3 and len(graph.roots) == 1
    assert own_points(frame, graph.nodes[graph.roots[0]].point_mm) == pytest.approx((-53, 0, 0), abs=1.5)
    assert own_points(frame, graph.nodes[root.nodes[1]].point_mm) == pytest.approx((-5, 0, 0), abs=2.5)
    assert [e.mean_diameter_mm for e in (root, thick, thin)] == pytest.approx([10, 8, 6], abs=0.5)
    assert [e.length_mm for e in (root, thick, thin)] == pytest.approx([48, 54, 53], abs=3)
    assert [(e.generation, e.strahler) for e in (root, thick, thin)] == [(1, 2), (2, 1), (2, 1)]
    middle = [own_points(frame, e.points_mm)[len(e.points_mm) // 2 :] for e in (thick, thin)]
    first, second = ((m[-1] - m[0]) / np.linalg.norm(m[-1] - m[0]) for m in middle)
    assert np.degrees(np.arccos(first @ second)) == pytest.approx(2 * np.degrees(np.arctan2(30, 40)), abs=4)


@pytest.mark.parametrize("frame", FRAMES)
def test_edges_lead_away_from_the_root(frame):
    graph = traced(fork(), frame)
    for edge in graph.edges:
        along = own_points(frame, edge.points_mm)[:, 0]
        assert along[-1] > along[0]
        assert edge.points_mm[0] == pytest.approx(graph.nodes[edge.nodes[0]].point_mm, abs=1e-9)
        assert edge.points_mm[-1] == pytest.approx(graph.nodes[edge.nodes[1]].point_mm, abs=1e-9)


def test_a_mirrored_vessel_has_the_mirrored_graph():
    one, other = traced(fork(), STRAIGHT), traced(fork(-1.0), STRAIGHT)
    for name in ("1", "1.1", "1.2"):
        a, b = (g.edges[g.edges_of(name)[0]] for g in (one, other))
        assert a.length_mm == pytest.approx(b.length_mm, abs=1.5)
        assert a.mean_diameter_mm == pytest.approx(b.mean_diameter_mm, abs=0.1)
        ends = own_points(STRAIGHT, np.array([a.points_mm[-1], b.points_mm[-1]]))
        assert ends[0] * (1, -1, 1) == pytest.approx(ends[1], abs=1.5)


def test_the_same_mask_gives_the_same_graph():
    one, other = traced(fork(), OBLIQUE), traced(fork(), OBLIQUE)
    assert one.names == other.names and one.roots == other.roots
    assert all(np.array_equal(a.points_mm, b.points_mm) for a, b in zip(one.edges, other.edges, strict=True))


def test_a_cone_is_as_thin_at_each_place_as_it_is():
    def cone(own):
        t = np.clip((own[..., 0] + 40) / 80, 0, 1)
        return (np.hypot(own[..., 1], own[..., 2]) <= 6 - 4 * t) & (np.abs(own[..., 0]) <= 40)

    (edge,) = traced(cone, OBLIQUE, 50).edges
    own = own_points(OBLIQUE, edge.points_mm)
    inner = np.abs(own[:, 0]) < 34
    assert own[0, 0] < own[-1, 0]
    assert edge.radius_mm[inner] == pytest.approx(6 - 4 * (own[inner, 0] + 40) / 80, abs=0.4)
    assert edge.min_diameter_mm == pytest.approx(4, abs=1.0)


def test_a_rough_wall_grows_no_branches():
    rng = np.random.default_rng(7)
    labels = make_twin({"v": tube((-40, 0, 0), (40, 0, 0), 6)}, STRAIGHT, 50, with_meshes=False).labels
    mask = labels.layers[0] > 0
    rim = ndimage.binary_dilation(mask) & ~mask
    rough = mask | (rim & (rng.random(mask.shape) < 0.3))
    assert len(trace_vessel(rough, labels.grid, "v").edges) == 1


def test_a_short_side_branch_is_kept_and_a_bump_is_not():
    trunk = tube((-40, 0, 0), (40, 0, 0), 4)
    assert len(traced(union(trunk, tube((0, 0, 0), (0, 14, 0), 1.5)), STRAIGHT).edges) == 3
    assert len(traced(union(trunk, ball((0, 3.5, 0), 2.0)), STRAIGHT).edges) == 1


def test_a_loop_keeps_both_ways_and_one_of_them_closes_it():
    def ring(own):
        return np.hypot(np.hypot(own[..., 0], own[..., 1]) - 20, own[..., 2]) <= 2.5

    graph = traced(union(ring, tube((-45, 0, 0), (-20, 0, 0), 3), tube((20, 0, 0), (45, 0, 0), 2)), STRAIGHT)
    assert len(graph.edges) == 4
    assert sum(e.is_loop for e in graph.edges) == 1
    assert sum(e.length_mm for e in graph.edges if e.mean_diameter_mm > 4.5) < 2 * np.pi * 20 + 40
    half = next(n for n, e in enumerate(graph.edges) if e.is_loop)
    assert len(graph.reached((half,))) == 3


def test_a_ring_without_ends_is_one_edge_back_to_its_start():
    def ring(own):
        return np.hypot(np.hypot(own[..., 0], own[..., 1]) - 20, own[..., 2]) <= 2.5

    (edge,) = traced(ring, STRAIGHT, 30).edges
    assert edge.nodes[0] == edge.nodes[1]
    assert edge.length_mm == pytest.approx(2 * np.pi * 20, rel=0.06)


def test_separate_pieces_each_have_a_root_and_the_longest_comes_first():
    graph = traced(union(tube((-40, 20, 0), (40, 20, 0), 2), tube((-30, -20, 0), (0, -20, 0), 4)), STRAIGHT)
    assert [graph.edges[graph.edges_of(name)[0]].length_mm for name in ("1", "2")] == pytest.approx([84, 38], abs=3)
    assert len(graph.roots) == 2


def test_a_ball_is_an_edge_as_long_as_it_is_wide():
    (edge,) = traced(ball((0, 0, 0), 6), OBLIQUE, 20).edges
    assert edge.length_mm == pytest.approx(12, abs=1.5)


@pytest.mark.parametrize("frame", FRAMES)
def test_the_root_is_where_the_vessel_comes_into_the_organ_even_if_it_is_thinner_there(frame):
    shapes = {
        "organ": ball((10, 0, 0), 40),
        "v": union(tube((-50, 0, 0), (0, 0, 0), 3), tube((0, 0, 0), (30, 0, 0), 5)),
    }
    labels = make_twin(shapes, frame, with_meshes=False).labels
    layer = labels.layers[0]
    alone = trace_vessel(layer == 2, labels.grid, "v")
    inside = trace_vessel(layer == 2, labels.grid, "v", layer == 1)
    assert own_points(frame, alone.nodes[alone.roots[0]].point_mm)[0] > 30
    assert own_points(frame, inside.nodes[inside.roots[0]].point_mm)[0] < -50


def test_node_kinds_say_what_each_node_is():
    graph = traced(fork(), STRAIGHT)
    assert sorted(n.kind for n in graph.nodes) == sorted([NodeKind.ROOT, NodeKind.FORK, NodeKind.TIP, NodeKind.TIP])


def test_an_empty_mask_is_refused():
    labels = make_twin({"v": ball((0, 0, 0), 5)}, STRAIGHT, 10, with_meshes=False).labels
    with pytest.raises(PlanError, match="'v' has no voxel"):
        trace_vessel(np.zeros(labels.grid.shape, dtype=bool), labels.grid, "v")


def test_specks_are_no_vessel():
    labels = make_twin({"v": ball((0, 0, 0), 1.2)}, STRAIGHT, 10, with_meshes=False).labels
    with pytest.raises(PlanError, match="specks"):
        trace_vessel(labels.layers[0] > 0, labels.grid, "v")


@pytest.mark.parametrize("radius", [3.0, 4.0, 6.0])
@pytest.mark.parametrize("off", [(0.0, 0.0), (0.5, 0.5), (0.2, 0.3)])
def test_a_tube_that_thinning_would_eat_up_keeps_its_line(radius, off):
    """Lee's thinning removes a tube that is two voxels wide at the end of it from one end to the other."""
    k, j, i = np.indices((24, 24, 70)).astype(float)
    along = np.clip(i - 10, 0, 50)
    mask = (i - 10 - along) ** 2 + (j - 12 + off[0]) ** 2 + (k - 12 + off[1]) ** 2 <= radius**2
    lines = np.argwhere(skeleton_of(mask))
    assert np.ptp(lines[:, 2]) >= 44
    middle = lines[(lines[:, 2] > 16) & (lines[:, 2] < 54)]
    assert np.abs(middle[:, :2] - 12 + np.array(off)[::-1]).max() <= 1.5


@settings(max_examples=8, deadline=None)
@given(
    angles=st.tuples(*[st.floats(-180, 180)] * 3),
    spacing=st.tuples(st.floats(0.6, 1.2), st.floats(0.6, 1.2), st.floats(0.6, 1.6)),
)
def test_lengths_and_diameters_do_not_depend_on_how_the_grid_lies(angles, spacing):
    frame = replace(STRAIGHT, grid_turn=rotation(angles), spacing_ijk=spacing)
    graph = traced(fork(1.0, 0.5), frame, 32)
    assert sorted(graph.names) == ["1", "1.1", "1.2"]
    edges = [graph.edges[graph.edges_of(name)[0]] for name in ("1", "1.1", "1.2")]
    assert [e.length_mm for e in edges] == pytest.approx([24, 27, 26.5], abs=3.0)
    assert [e.mean_diameter_mm for e in edges] == pytest.approx([5, 4, 3], abs=0.5)
