"""What holds for every cut on every grid: nothing is lost, nothing depends on where the patient lies, sides swap."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from surgtwin.domain.cut import BezierCut, Combination, CombinedCut, CutSurface, PlaneCut, ShellCut
from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.plan import PatientFigures, Resection
from surgtwin.domain.twin import Twin, TwinImage
from surgtwin.planning.bezier import flat_patch
from surgtwin.planning.preview import preview_of
from surgtwin.planning.resection import ResectionResult, cut_organ, evaluate_resection
from surgtwin.planning.split import split_tissue
from surgtwin.planning.twin_geometry import TwinGeometry
from tests.conftest import rotation
from tests.planning.shapes import STRAIGHT, Frame, ball, make_twin

R = 20.0
SHAPES = {"liver": ball((0, 0, 0), R), "tumour": ball((8, 2, 0), 5)}
QUICK = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FEW = settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])

angles = st.tuples(*[st.floats(-180, 180)] * 3)
shifts = st.tuples(*[st.floats(-300, 300)] * 3)
spacings = st.tuples(*[st.floats(0.8, 2.5)] * 3)
directions = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda d: np.linalg.norm(d) > 0.1)


def frame_of(turn, shift, grid_turn, spacing) -> Frame:
    return Frame(rotation(turn), np.array(shift), rotation(grid_turn), spacing)


frames = st.builds(frame_of, angles, shifts, angles, spacings)
straight_turns = st.sampled_from([(0.0, 0.0, 0.0), (90.0, 0.0, 0.0), (0.0, 180.0, 0.0)])
any_frames = st.one_of(frames, st.builds(frame_of, straight_turns, shifts, straight_turns, spacings))


def organ(frame: Frame) -> TwinGeometry:
    return TwinGeometry(make_twin(SHAPES, frame, 24.0, with_meshes=False))


def plane(frame: Frame, direction, offset: float) -> PlaneCut:
    unit = np.asarray(direction) / np.linalg.norm(direction)
    return PlaneCut(frame.point(*(offset * unit)), frame.direction(*unit))


def patch(frame: Frame, x: float, bend: float) -> BezierCut:
    net = flat_patch((x, 0, 0), (0, 50, 0), (0, 0, 50))
    net[1:3, 1:3, 0] += bend
    net[0, 3, 0] -= bend / 2
    return BezierCut(frame.points(net.reshape(-1, 3)).reshape(4, 4, 3))


def share(geometry: TwinGeometry, surface: CutSurface) -> float:
    tissue = geometry.tissue(("liver", "tumour"))
    split = split_tissue(tissue, geometry.side(surface, tissue))
    return split.resected_ml / tissue.volume_ml


@QUICK
@given(any_frames, directions, st.floats(-16, 16))
def test_a_plane_takes_the_cap_of_the_closed_form_on_any_grid(frame, direction, offset):
    cap = math.pi * (R - offset) ** 2 * (2 * R + offset) / 3
    whole = 4 / 3 * math.pi * R**3
    assert share(organ(frame), plane(frame, direction, offset)) == pytest.approx(cap / whole, abs=0.012)


@QUICK
@given(any_frames, directions, st.floats(-18, 18))
def test_nothing_is_lost_and_sides_swap(frame, direction, offset):
    geometry = organ(frame)
    tissue = geometry.tissue(("liver", "tumour"))
    there = plane(frame, direction, offset)
    back = replace(there, normal=tuple(-c for c in there.normal))
    one, other = (split_tissue(tissue, geometry.side(s, tissue)) for s in (there, back))
    assert one.resected_ml + one.remnant_ml == pytest.approx(tissue.volume_ml, abs=1e-12)
    assert one.resected_ml == pytest.approx(other.remnant_ml, abs=1e-6)
    assert one.surface.total_mm2 == pytest.approx(other.surface.total_mm2, rel=1e-6)
    assert float(one.share.sum()) * tissue.grid.voxel_volume_ml == pytest.approx(one.resected_ml, rel=1e-5, abs=1e-6)


@QUICK
@given(any_frames, st.floats(-10, 10), st.floats(-12, 12))
def test_a_flipped_patch_takes_exactly_what_the_other_leaves(frame, x, bend):
    geometry, cut = organ(frame), patch(frame, x, bend)
    assert share(geometry, cut) + share(geometry, replace(cut, flip=True)) == pytest.approx(1.0, abs=1e-9)


@QUICK
@given(any_frames, directions, directions, st.floats(-10, 10), st.floats(-10, 10))
@example(STRAIGHT, (1.0, 1.0, 0.0), (1.0, 1.0, 0.0), 0.0, 0.0)
def test_union_and_intersection_add_up_to_both(frame, first, second, at, to):
    geometry, cuts = organ(frame), (plane(frame, first, at), plane(frame, second, to))
    both, either, without = (
        share(geometry, CombinedCut(how, cuts))
        for how in (Combination.INTERSECTION, Combination.UNION, Combination.DIFFERENCE)
    )
    one, other = (share(geometry, c) for c in cuts)
    # A voxel on the crease is asked at 64 places only.
    assert both + either == pytest.approx(one + other, abs=0.004)
    assert without == pytest.approx(one - both, abs=0.004)


@QUICK
@given(any_frames, directions, st.floats(-10, 10))
@example(STRAIGHT, (1.0, 1.0, 0.0), 0.0)
@example(STRAIGHT, (1.0, 0.0, 0.0), 0.3)
def test_a_cut_without_itself_takes_nothing_and_has_no_surface(frame, direction, offset):
    geometry, cut = organ(frame), plane(frame, direction, offset)
    tissue = geometry.tissue(("liver", "tumour"))
    nothing = split_tissue(tissue, geometry.side(CombinedCut(Combination.DIFFERENCE, (cut, cut)), tissue))
    both = split_tissue(tissue, geometry.side(CombinedCut(Combination.INTERSECTION, (cut, cut)), tissue))
    alone = split_tissue(tissue, geometry.side(cut, tissue))
    assert nothing.resected_ml == 0.0
    assert nothing.surface.total_mm2 == 0.0
    assert both.resected_ml == pytest.approx(alone.resected_ml, abs=0.004 * tissue.volume_ml)


def moved(twin: Twin, turn: np.ndarray, shift: np.ndarray) -> Twin:
    """The patient turned and shifted as a whole, scan and labels with it."""
    motion = np.eye(4)
    motion[:3, :3], motion[:3, 3] = turn, shift
    grid = Grid(twin.labels.grid.shape, motion @ twin.labels.grid.lps_from_ijk)
    labels = LabelMap(grid, twin.labels.layers, twin.labels.structures)
    volume = replace(twin.primary, grid=grid)
    return replace(twin, images=(TwinImage("image-1", "primary", volume),), labels=labels, meshes=())


def cuts_of(frame: Frame) -> list[CutSurface]:
    return [plane(frame, (1.0, 0.4, -0.2), 1.0), patch(frame, -2.0, 6.0), ShellCut(("tumour",), 4.0)]


def judged(geometry: TwinGeometry, surface: CutSurface) -> ResectionResult:
    resection = Resection("A", "liver", surface, targets=("tumour",), margin_mm=3.0)
    return evaluate_resection(geometry, cut_organ(geometry, resection), PatientFigures(170, 70))


@FEW
@given(frames, angles, shifts)
def test_figures_do_not_depend_on_where_the_patient_lies(frame, turn, shift):
    turned, by = rotation(turn), np.array(shift)
    there = replace(frame, turn=turned @ frame.turn, shift_mm=turned @ frame.shift_mm + by)
    here = make_twin(SHAPES, frame, 24.0, with_meshes=False)
    pairs = zip(cuts_of(frame), cuts_of(there), strict=True)
    before, after = TwinGeometry(here), TwinGeometry(moved(here, turned, by))
    for cut, its_image in pairs:
        one, other = judged(before, cut), judged(after, its_image)
        # Tables of heights and distances turn with the patch and with the scan: only rounding is left.
        assert other.resected.ml == pytest.approx(one.resected.ml, rel=1e-6)
        assert other.cut_area_mm2 == pytest.approx(one.cut_area_mm2, rel=1e-5)
        a, b = one.margins[0], other.margins[0]
        assert b.min_mm == pytest.approx(a.min_mm, abs=1e-4)
        assert (a.is_resected, a.is_missed) == (b.is_resected, b.is_missed)
        assert other.flr_percent == pytest.approx(one.flr_percent, abs=1e-4)


@FEW
@given(any_frames, directions, st.floats(-12, 12))
def test_the_preview_keeps_to_its_error_on_any_grid(frame, direction, offset):
    geometry, cut = organ(frame), plane(frame, direction, offset)
    rough = preview_of(geometry, Resection("A", "liver", cut, targets=("tumour",))).at(cut)
    exact = split_tissue(geometry.tissue(("liver", "tumour")), geometry.side(cut, geometry.tissue(("liver", "tumour"))))
    assert abs(rough.resected_ml - exact.resected_ml) <= rough.error_ml
