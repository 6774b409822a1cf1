"""What is shown while a cut is dragged, against the exact figures: within the error it states, on any grid."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from surgtwin.domain.cut import BezierCut, Combination, CombinedCut, CutSurface, PlaneCut, ShellCut
from surgtwin.domain.plan import PatientFigures, Resection
from surgtwin.domain.verdict import Verdict
from surgtwin.errors import PlanError
from surgtwin.planning.bezier import flat_patch
from surgtwin.planning.cells import cells_of
from surgtwin.planning.preview import ResectionPreview, preview_of
from surgtwin.planning.resection import cut_organ, evaluate_resection
from surgtwin.planning.twin_geometry import TwinGeometry
from tests.planning.shapes import OBLIQUE, STRAIGHT, Frame, ball, make_geometry

THICK = replace(OBLIQUE, spacing_ijk=(0.9, 0.9, 5.0))
FRAMES = (STRAIGHT, OBLIQUE, THICK)
BASE = Resection("A", "liver", PlaneCut((0, 0, 0), (1, 0, 0)), targets=("tumour",))


@lru_cache(maxsize=3)
def liver(frame: Frame) -> TwinGeometry:
    return make_geometry({"liver": ball((0, 0, 0), 50), "tumour": ball((25, 5, 0), 9)}, frame)


@lru_cache(maxsize=3)
def preview(frame: Frame) -> ResectionPreview:
    return preview_of(liver(frame), BASE)


def bent(frame: Frame, rng: np.random.Generator, by_mm: float) -> BezierCut:
    net = flat_patch((rng.uniform(-20, 15), 0, 0), (0, 110, 0), (0, 0, 110))
    net[..., 0] += rng.uniform(-by_mm, by_mm, (4, 4))
    return BezierCut(frame.points(net.reshape(-1, 3)).reshape(4, 4, 3))


def cuts(frame: Frame) -> list[CutSurface]:
    rng = np.random.default_rng(5)
    planes = [PlaneCut(frame.point(*rng.uniform(-15, 15, 3)), frame.direction(*rng.normal(size=3))) for _ in range(4)]
    patches = [bent(frame, rng, 25.0) for _ in range(3)]
    both = CombinedCut(Combination.INTERSECTION, (planes[0], patches[0]))
    return [*planes, *patches, both, ShellCut(("tumour",), 10.0)]


@pytest.mark.parametrize("frame", FRAMES)
def test_dragging_shows_the_exact_figures_within_the_error_it_states(frame):
    for surface in cuts(frame):
        rough = preview(frame).at(surface)
        cut = cut_organ(liver(frame), replace(BASE, surface=surface))
        exact = evaluate_resection(liver(frame), cut, PatientFigures())
        assert abs(rough.resected_ml - exact.resected.ml) <= rough.error_ml < 0.01 * exact.organ.ml
        assert rough.resected_ml + rough.remnant_ml == pytest.approx(exact.organ.ml, abs=1e-9)
        assert rough.remnant_percent == pytest.approx(exact.remnant_percent, abs=0.3)
        assert rough.flr_percent == pytest.approx(exact.flr_percent, abs=0.5)
        assert rough.cut_area_mm2 == pytest.approx(exact.cut_area_mm2, rel=0.02)
        near, truth = rough.margins[0], exact.margins[0]
        assert (near.is_resected, near.is_missed) == (truth.is_resected, truth.is_missed)
        assert near.min_mm is not None and truth.min_mm is not None
        assert abs(near.min_mm - truth.min_mm) <= near.error_mm + (1.5 if frame is THICK else 0.3)


def test_the_known_cap_and_margin_of_a_ball():
    figures = preview(STRAIGHT).at(PlaneCut(STRAIGHT.point(10, 0, 0), STRAIGHT.direction(1, 0, 0)))
    assert figures.resected_ml == pytest.approx(184.306769, rel=2e-3)
    assert figures.cut_area_mm2 == pytest.approx(np.pi * 2400, rel=5e-3)
    assert figures.margins[0].min_mm == pytest.approx(6.0, abs=0.5)
    assert figures.margins[0].cut_at_mm == pytest.approx(STRAIGHT.point(10, 5, 0), abs=2.0)


def test_swapped_sides_swap_the_volumes():
    one, other = (
        preview(OBLIQUE).at(PlaneCut(OBLIQUE.point(7, 0, 0), OBLIQUE.direction(s, 0.3 * s, 0))) for s in (1.0, -1.0)
    )
    assert one.resected_ml == pytest.approx(other.remnant_ml, abs=1e-6)


def test_a_cut_beside_the_organ_is_shown_as_taking_nothing_or_all():
    nothing, everything = (
        preview(STRAIGHT).at(PlaneCut(STRAIGHT.point(80 * s, 0, 0), STRAIGHT.direction(1, 0, 0))) for s in (1, -1)
    )
    assert nothing.resected_ml == 0 and everything.remnant_ml == pytest.approx(0, abs=1e-9)
    assert nothing.margins[0].verdict is Verdict.VIOLATED and nothing.margins[0].min_mm is None
    assert everything.margins[0].verdict is Verdict.SAFE and len(everything.surface.points_mm) == 0


def test_a_target_cut_through_is_violated_by_the_depth_left_behind():
    figures = preview(STRAIGHT).at(PlaneCut(STRAIGHT.point(30, 5, 0), STRAIGHT.direction(1, 0, 0)))
    margin = figures.margins[0]
    assert margin.min_mm == pytest.approx(-14.0, abs=0.5)
    assert margin.verdict is Verdict.VIOLATED and not margin.is_missed
    assert figures.tumour_left_ml > figures.tumour_ml / 2


def test_a_patch_that_folds_is_still_shown():
    net = flat_patch((0, 0, 0), (0, 110, 0), (0, 0, 110))
    net[1, 1] += (60.0, 160.0, 0.0)
    surface = BezierCut(STRAIGHT.points(net.reshape(-1, 3)).reshape(4, 4, 3))
    rough = preview(STRAIGHT).at(surface)
    cut = cut_organ(liver(STRAIGHT), replace(BASE, surface=surface))
    assert rough.resected_ml == pytest.approx(cut.split.resected_ml, rel=0.02)


@pytest.mark.parametrize("frame", FRAMES)
def test_cells_hold_every_voxel_once(frame):
    tissue = liver(frame).organ_tissue(BASE)
    cells = cells_of(tissue)
    assert cells.counts.sum() == len(tissue)
    assert (cells.counts <= cells.size_ijk.prod()).all()
    partial = cells.counts < cells.size_ijk.prod()
    assert len(cells.offsets) == cells.counts[partial].sum()
    assert (np.abs(cells.offsets) <= (cells.size_ijk - 1) / 2).all()
    middle = tissue.points_mm().mean(0)
    assert np.average(cells.centres_mm, axis=0, weights=cells.counts) == pytest.approx(middle, abs=0.2)


def test_an_unknown_target_is_named():
    with pytest.raises(PlanError, match=r"targets\[1\]"):
        preview_of(liver(STRAIGHT), replace(BASE, targets=("tumour", "tumor")))
