"""Organs shared out among branches, and cuts along the borders: closed forms, conservation, symmetry, bad input."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import pytest

from surgtwin.domain.cut import Combination, CombinedCut, PlaneCut, TerritoryCut, TerritoryMethod
from surgtwin.domain.plan import PatientFigures, Resection
from surgtwin.errors import PlanError
from surgtwin.planning.resection import cut_organ, evaluate_resection
from surgtwin.planning.territory import OTHERS, Territories, share_out
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.planning.vessel_edits import rename_branch
from tests.planning.shapes import FRAMES, OBLIQUE, STRAIGHT, Frame, ball, box, make_geometry, make_twin, tube
from tests.planning.vessels import fork, own_points, union

ORGAN = ("liver", "portal vein")
BOX = (28.0, 12.0, 14.0)
SMALL = 0.6


@lru_cache(maxsize=4)
def two_tubes(frame: Frame, thick: float, thin: float) -> TwinGeometry:
    """A box with a thick tube along z at x = -20 and a thin one at x = 20."""
    shapes = {
        "liver": box((-BOX[0], -BOX[1], -BOX[2]), BOX),
        "portal vein": union(
            tube((-20, 0, -BOX[2] + thick), (-20, 0, BOX[2] - thick), thick),
            tube((20, 0, -BOX[2] + thin), (20, 0, BOX[2] - thin), thin),
        ),
    }
    return make_geometry(shapes, frame, 36)


@lru_cache(maxsize=4)
def forked(frame: Frame, sign: float = 1.0) -> TwinGeometry:
    return make_geometry({"liver": ball((0, 0, 0), 50 * SMALL), "portal vein": fork(sign, SMALL)}, frame, 56 * SMALL)


def shared(
    geometry: TwinGeometry, branches: tuple[str, ...], method=TerritoryMethod.NEAREST, ambiguity_mm: float = 3.0
) -> Territories:
    tissue = geometry.tissue(ORGAN)
    vessel = geometry.organ_vessel("portal vein", tissue)
    return share_out(
        tissue, vessel, branches, geometry.tissue(vessel.structures).mask(), method=method,
        ambiguity_mm=ambiguity_mm, mesh=geometry.tissue_mesh(tissue), border_mm=1.0,
    )  # fmt: skip


def branch_at(geometry: TwinGeometry, frame: Frame, x: float) -> str:
    graph = geometry.organ_vessel("portal vein", geometry.tissue(ORGAN)).graph
    return graph.edges[graph.nearest_edge(frame.point(x, 0, 0))[0]].name


@lru_cache(maxsize=1)
def bad_case() -> TwinGeometry:
    vessel = union(tube((-30, 0, 0), (0, 0, 0), 3), tube((0, 0, 0), (14, 14, 0), 2), tube((0, 0, 0), (14, -14, 0), 2))
    shapes = {
        "liver": ball((0, 0, 0), 24),
        "portal vein": vessel,
        "aorta": tube((31, 0, -20), (31, 0, 20), 3),
        "nothing": ball((500, 0, 0), 1),
    }
    return TwinGeometry(make_twin(shapes, STRAIGHT, 36, with_meshes=False))


def territory_cut(geometry: TwinGeometry, *branches: str, method=TerritoryMethod.NEAREST):
    surface = TerritoryCut("portal vein", branches, method)
    return cut_organ(geometry, Resection("T", "liver", surface, includes=("portal vein",)))


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("method", [TerritoryMethod.NEAREST, TerritoryMethod.GEODESIC])
def test_the_border_of_two_parallel_tubes_is_half_way(frame, method):
    geometry = two_tubes(frame, 4.0, 4.0)
    cut = territory_cut(geometry, branch_at(geometry, frame, 20), method=method)
    assert np.percentile(np.abs(own_points(frame, cut.split.surface.points_mm)[:, 0]), 99) < 0.7
    assert cut.split.resected_ml == pytest.approx(cut.tissue.volume_ml / 2, rel=0.015)
    assert cut.split.surface.total_mm2 == pytest.approx(4 * BOX[1] * BOX[2], rel=0.04)


@pytest.mark.parametrize("frame", FRAMES)
def test_with_radii_as_weights_the_border_crosses_the_axis_at_x_2(frame):
    geometry = two_tubes(frame, 6.0, 2.0)
    cut = territory_cut(geometry, branch_at(geometry, frame, 20), method=TerritoryMethod.RADIUS_WEIGHTED)
    own = own_points(frame, cut.split.surface.points_mm)
    on_axis = np.hypot(own[:, 1], own[:, 2]) < 5
    assert own[on_axis, 0] == pytest.approx(2.0, abs=0.5)
    # The border is the branch of a hyperbola: |p - a| - |p - b| = 4.
    far = np.hypot(own[:, 0] + 20, own[:, 1]) - np.hypot(own[:, 0] - 20, own[:, 1])
    assert far[np.abs(own[:, 2]) < 6] == pytest.approx(4.0, abs=0.8)


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("method", list(TerritoryMethod))
def test_territories_add_up_to_the_organ_exactly(frame, method):
    found = shared(forked(frame), ("1.1", "1.2"), method)
    assert [p.name for p in found.parts] == ["1.1", "1.2", OTHERS]
    assert sum(p.ml for p in found.parts) == pytest.approx(found.tissue.volume_ml, abs=1e-9)
    assert sum(p.ambiguous_ml for p in found.parts) == pytest.approx(found.ambiguous_ml, abs=1e-9)
    assert found.parts[0].ml == pytest.approx(found.parts[1].ml, rel=0.15)


@pytest.mark.parametrize("method", list(TerritoryMethod))
def test_a_cut_along_a_territory_takes_it_and_adds_up_exactly(method):
    geometry = forked(OBLIQUE)
    cut = territory_cut(geometry, "1.1", method=method)
    figures = evaluate_resection(geometry, cut, PatientFigures())
    assert figures.resected.ml + figures.remnant.ml == pytest.approx(figures.organ.ml, abs=1e-9)
    part = next(p for p in shared(geometry, ("1.1",), method).parts if p.name == "1.1")
    assert figures.resected.ml == pytest.approx(part.ml, rel=0.01)
    assert figures.cut_area_mm2 > 0


def test_a_margin_is_measured_to_a_cut_along_a_territory():
    shapes = {
        "liver": box((-BOX[0], -BOX[1], -BOX[2]), BOX),
        "portal vein": union(tube((-20, 0, -10), (-20, 0, 10), 4), tube((20, 0, -10), (20, 0, 10), 4)),
        "tumour": ball((12, 7, 0), 4),
    }
    geometry = make_geometry(shapes, STRAIGHT, 36)
    surface = TerritoryCut("portal vein", (branch_at(geometry, STRAIGHT, 20),))
    cut = cut_organ(geometry, Resection("T", "liver", surface, includes=("portal vein",), targets=("tumour",)))
    margin = evaluate_resection(geometry, cut, PatientFigures()).margins[0]
    assert margin.is_resected
    assert margin.min_mm == pytest.approx(8.0, abs=0.8)


@pytest.mark.parametrize("frame", FRAMES)
def test_the_ambiguous_band_is_as_wide_as_was_asked(frame):
    geometry = two_tubes(frame, 4.0, 4.0)
    found = shared(geometry, (branch_at(geometry, frame, -20), branch_at(geometry, frame, 20)), ambiguity_mm=3.0)
    # Where |d1 - d2| < 3 between the foci at +-20: inside both branches of a hyperbola with a = 1.5.
    y = np.linspace(-BOX[1], BOX[1], 2001)
    half = 1.5 * np.sqrt(1 + y**2 / (20**2 - 1.5**2))
    truth = 2 * np.trapezoid(half, y) * 2 * BOX[2] / 1000
    assert found.ambiguous_ml == pytest.approx(truth, rel=0.06)


def test_a_wider_band_is_never_less_ambiguous():
    geometry = forked(STRAIGHT)
    bands = [shared(geometry, ("1.1", "1.2"), ambiguity_mm=mm).ambiguous_ml for mm in (0.5, 2.0, 5.0)]
    assert bands == sorted(bands) and bands[0] > 0


def test_a_mirrored_vessel_has_the_mirrored_territories():
    one, other = (shared(forked(STRAIGHT, sign), ("1.1", "1.2")) for sign in (1.0, -1.0))
    for a, b in zip(one.parts, other.parts, strict=True):
        assert a.name == b.name
        assert a.ml == pytest.approx(b.ml, rel=0.03)
        middles = [
            own_points(STRAIGHT, t.tissue.points_mm())[t.index == n].mean(0)
            for t, n in ((one, one.parts.index(a)), (other, other.parts.index(b)))
        ]
        assert middles[0] * (1, -1, 1) == pytest.approx(middles[1], abs=0.8)


def test_a_branch_within_another_leaves_it_the_rest():
    found = shared(forked(STRAIGHT), ("1", "1.1"))
    assert [p.name for p in found.parts] == ["1", "1.1"]
    assert found.parts[1].ml == pytest.approx(shared(forked(STRAIGHT), ("1.1",)).parts[0].ml)


def test_the_way_inside_a_bent_organ_goes_around_the_gap():
    """Two arms joined at their lower end: what is near across the gap is far on the way inside."""
    left_arm, right_arm = box((-26, -12, -30), (-4, 12, 30)), box((4, -12, -30), (26, 12, 30))
    arms = union(left_arm, right_arm, box((-26, -12, -40), (26, 12, -28)))
    vessel = union(tube((-8, 0, -20), (-8, 0, 26), 2), tube((22, 0, -36), (22, 0, -20), 2))
    geometry = make_geometry({"liver": arms, "portal vein": vessel}, STRAIGHT, 46)
    left = branch_at(geometry, STRAIGHT, -8)
    graph = geometry.organ_vessel("portal vein", geometry.tissue(ORGAN)).graph
    right = next(n for n in graph.names if n != left)
    ml = {m: {p.name: p.ml for p in shared(geometry, (left, right), m).parts} for m in TerritoryMethod}
    arm_ml = 22 * 24 * 70 / 1000
    assert ml[TerritoryMethod.NEAREST][right] < 0.75 * arm_ml
    assert ml[TerritoryMethod.GEODESIC][right] > 0.9 * arm_ml


def test_error_of_a_territory_is_its_surface_times_the_border_error():
    found = shared(forked(OBLIQUE), ("1.1", "1.2"))
    assert sum(p.error_ml for p in found.parts) == pytest.approx(4 * math.pi * (50 * SMALL) ** 2 / 1000, rel=0.08)


def test_a_territory_combines_with_a_plane():
    geometry = forked(STRAIGHT)
    border = TerritoryCut("portal vein", ("1.1",))
    plane = PlaneCut(STRAIGHT.point(12, 0, 0), STRAIGHT.direction(1, 0, 0))
    ml = {
        how: cut_organ(
            geometry,
            Resection("T", "liver", CombinedCut(how, (border, plane)), includes=("portal vein",)),
        ).split.resected_ml
        for how in Combination
    }
    alone = territory_cut(geometry, "1.1").split.resected_ml
    assert ml[Combination.INTERSECTION] + ml[Combination.DIFFERENCE] == pytest.approx(alone, rel=1e-3)


def test_a_renamed_branch_is_cut_by_its_new_name():
    geometry = TwinGeometry(forked(STRAIGHT).twin)
    tissue = geometry.tissue(ORGAN)
    before = territory_cut(geometry, "1.1").split.resected_ml
    graph = rename_branch(geometry.organ_vessel("portal vein", tissue).graph, "1.1", "right")
    geometry.use_graph(graph, "portal vein", tissue)
    assert territory_cut(geometry, "right").split.resected_ml == pytest.approx(before)
    with pytest.raises(PlanError, match=r"surface.branches\[0\]: .* has no branch '1.1'; there are: .*right"):
        territory_cut(geometry, "1.1")


@pytest.mark.parametrize(
    ("vessel", "branches", "message"),
    [
        ("portal", ("1",), "surface.vessel: there is no structure 'portal'"),
        ("portal vein", ("1.1", "7"), r"surface.branches\[1\]: 'portal vein' has no branch '7'"),
        ("portal vein", ("1",), "surface.branches: .* there is no border"),
        ("aorta", ("1",), "surface.vessel: 'aorta' does not run inside liver"),
        ("nothing", ("1",), "surface.vessel: .*nothing.* has no voxel"),
    ],
)
def test_a_territory_that_does_not_fit_names_its_field(vessel, branches, message):
    geometry = bad_case()
    with pytest.raises(PlanError, match=message):
        cut_organ(geometry, Resection("T", "liver", TerritoryCut(vessel, branches)))
