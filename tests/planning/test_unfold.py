"""Cut surfaces laid out flat: their areas, distances and places against closed forms, in any frame."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import pytest

from surgtwin.domain.cut import BezierCut, Combination, CombinedCut, CutSurface, PlaneCut, ShellCut, TerritoryCut
from surgtwin.domain.plan import Resection
from surgtwin.errors import PlanError
from surgtwin.planning.resection import CutOrgan, cut_organ
from surgtwin.planning.split import split_tissue
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.planning.unfold import UnfoldedMap, unfold
from tests.planning.shapes import FRAMES, OBLIQUE, STRAIGHT, Frame, ball, make_geometry


@lru_cache(maxsize=2)
def liver(frame: Frame) -> TwinGeometry:
    return make_geometry({"liver": ball((0, 0, 0), 50), "tumour": ball((35, 0, 0), 8)}, frame)


def plane(frame: Frame, x: float) -> PlaneCut:
    return PlaneCut(frame.point(x, 0, 0), frame.direction(1, 0, 0))


def bowl(frame: Frame, flip: bool = False) -> BezierCut:
    """x = 10 + (y^2 + z^2) / 150, a bicubic surface."""
    at, square = np.linspace(-60, 60, 4), np.array([3600.0, -1200.0, -1200.0, 3600.0]) / 150
    net = np.stack(np.broadcast_arrays(10 + square[:, None] + square, at[:, None], at[None, :]), -1)
    return BezierCut(frame.points(net.reshape(-1, 3)).reshape(4, 4, 3), flip)


def cut_by(frame: Frame, surface: CutSurface, targets: tuple[str, ...] = ("tumour",)) -> CutOrgan:
    return cut_organ(liver(frame), Resection("A", "liver", surface, targets=targets, margin_mm=20.0))


def only_map(frame: Frame, surface: CutSurface) -> UnfoldedMap:
    (laid,) = unfold(liver(frame), cut_by(frame, surface))
    return laid


@pytest.mark.parametrize("frame", FRAMES)
def test_a_plane_is_laid_out_without_distortion(frame):
    laid = only_map(frame, plane(frame, 20))
    assert laid.name == "plane" and laid.targets == ("tumour",)
    assert laid.area_mm2[laid.inside].sum() == pytest.approx(math.pi * 2100, rel=0.02)
    assert laid.distortion == pytest.approx((1.0, 1.0), abs=1e-9)
    radius = np.linalg.norm(laid.points_mm - frame.point(20, 0, 0), axis=2)
    truth = np.sqrt(radius**2 + 15.0**2) - 8.0
    assert laid.distance("tumour").distance_mm[laid.inside] == pytest.approx(truth[laid.inside], abs=0.4)
    # 20 mm from the surface is 28 from the centre, 15 of which lie along the normal.
    assert laid.area_below_mm2("tumour", 20.0) == pytest.approx(math.pi * (28**2 - 15**2), rel=0.04)


@pytest.mark.parametrize("frame", FRAMES)
def test_the_contour_of_the_wanted_margin_is_a_circle(frame):
    laid = only_map(frame, plane(frame, 20))
    (line,) = laid.contours("tumour")
    u, v = laid.find(frame.point(20, 0, 0))
    assert line.level_mm == 20.0
    assert np.hypot(line.line_mm[:, 0] - u, line.line_mm[:, 1] - v) == pytest.approx(math.sqrt(28**2 - 15**2), abs=1.2)


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("flip", [False, True])
def test_a_bent_patch_keeps_its_area_and_its_lengths(frame, flip):
    cut = cut_by(frame, bowl(frame, flip))
    (laid,) = unfold(liver(frame), cut)
    assert laid.area_mm2[laid.inside].sum() == pytest.approx(cut.split.surface.total_mm2, rel=0.015)
    low, high = laid.distortion
    assert 0.7 < low <= high < 1.4
    own = (laid.points_mm[laid.inside] - frame.shift_mm) @ frame.turn
    assert own[:, 0] == pytest.approx(10 + (own[:, 1] ** 2 + own[:, 2] ** 2) / 150, abs=0.05)


def test_the_middle_of_a_whole_shell_is_what_lies_deepest():
    cut = cut_by(STRAIGHT, ShellCut(("tumour",), 10.0))
    (laid,) = unfold(liver(STRAIGHT), cut)
    assert laid.name == "shell around tumour"
    assert laid.area_mm2[laid.inside].sum() == pytest.approx(cut.split.surface.total_mm2, rel=0.03)
    assert laid.nearest_mm[laid.inside] == pytest.approx(10.0, abs=0.15)
    assert laid.place(0.0, 0.0) == pytest.approx(STRAIGHT.point(17, 0, 0), abs=1.6)
    # A sphere's circle at angle t is t / sin t as long on the map; the capsule ends the shell at 139 degrees.
    low, high = laid.distortion
    rim = math.acos((35**2 + 18**2 - 50**2) / (2 * 35 * 18))
    assert 0.95 < low < 1.05 and 2.0 < high < rim / math.sin(rim)


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("make", [lambda f: plane(f, 20), bowl, lambda f: bowl(f, True)])
def test_maps_are_seen_from_the_resected_side(frame, make):
    cut = cut_by(frame, make(frame), ())
    (laid,) = unfold(liver(frame), cut)
    towards_eye = np.cross(laid.u_direction, laid.v_direction)
    on_cut = np.asarray(laid.place(*laid.find(frame.point(12, 0, 0))))
    assert cut.side.signed((on_cut + towards_eye)[None])[0] > 0.5


def test_a_shell_is_seen_from_its_inside():
    laid = only_map(OBLIQUE, ShellCut(("tumour",), 10.0))
    towards_eye = np.cross(laid.u_direction, laid.v_direction)
    assert towards_eye == pytest.approx(OBLIQUE.direction(1, 0, 0), abs=0.1)


def test_the_head_is_up_on_a_map_of_a_sagittal_plane():
    laid = only_map(STRAIGHT, plane(STRAIGHT, 20))
    assert laid.v_direction == pytest.approx((0, 0, 1)) and laid.u_direction == pytest.approx((0, 1, 0))


@pytest.mark.parametrize("frame", FRAMES)
def test_a_click_comes_back_to_where_it_was(frame):
    laid = only_map(frame, bowl(frame))
    for row, column in np.argwhere(laid.inside)[::97]:
        place = laid.place(float(laid.u_mm[row]), float(laid.v_mm[column]))
        assert place == pytest.approx(tuple(laid.points_mm[row, column]))
        assert laid.find(place) == pytest.approx((laid.u_mm[row], laid.v_mm[column]))
    assert laid.place(float(laid.u_mm[-1]) + 5.0, 0.0) is None


def test_every_part_of_a_combined_cut_has_its_map():
    both = CombinedCut(Combination.INTERSECTION, (plane(STRAIGHT, 0), PlaneCut(STRAIGHT.point(0, 0, 0), (0, 1, 0))))
    maps = unfold(liver(STRAIGHT), cut_by(STRAIGHT, both))
    assert [m.name for m in maps] == ["part 1: plane", "part 2: plane"]
    for laid in maps:
        assert laid.area_mm2[laid.inside].sum() == pytest.approx(math.pi * 1250, rel=0.02)


def test_shells_that_do_not_touch_are_laid_out_apart():
    geometry = make_geometry(
        {"liver": ball((0, 0, 0), 50), "tumour": ball((25, 0, 0), 6), "tumour 2": ball((-25, 0, 0), 6)}, STRAIGHT
    )
    names = ("tumour", "tumour 2")
    apart = cut_organ(geometry, Resection("A", "liver", ShellCut(names, 8.0), targets=names))
    together = cut_organ(geometry, Resection("A", "liver", ShellCut(names, 22.0), targets=names))
    assert [m.name for m in unfold(geometry, apart)] == ["shell around tumour", "shell around tumour 2"]
    assert [m.name for m in unfold(geometry, together)] == ["shell around tumour, tumour 2"]
    one = unfold(geometry, apart)[0]
    assert one.area_mm2[one.inside].sum() == pytest.approx(4 * math.pi * 14**2, rel=0.03)


def test_without_targets_there_is_a_map_of_places_alone():
    (laid,) = unfold(liver(STRAIGHT), cut_by(STRAIGHT, plane(STRAIGHT, 20), ()))
    assert laid.targets == () and np.isinf(laid.nearest_mm[laid.inside]).all()
    with pytest.raises(PlanError, match="knows nothing of 'tumour'"):
        laid.distance("tumour")


def test_a_border_of_territories_is_refused():
    cut = cut_by(STRAIGHT, plane(STRAIGHT, 20))
    resection = Resection("A", "liver", TerritoryCut("portal vein", ("right",)))
    with pytest.raises(PlanError, match="can't be laid out"):
        unfold(liver(STRAIGHT), CutOrgan(resection, cut.side, split_tissue(cut.tissue, cut.side)))
