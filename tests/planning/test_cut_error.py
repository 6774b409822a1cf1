"""What a target's border does to the volume that a shell around it takes."""

from __future__ import annotations

import math

import pytest

from surgtwin.domain.cut import Combination, CombinedCut, CutSurface, PlaneCut, ShellCut
from surgtwin.domain.plan import PatientFigures, Resection
from surgtwin.planning.cut_error import shell_areas_mm2
from surgtwin.planning.resection import ResectionResult, border_error_mm, cut_organ, evaluate_resection
from surgtwin.planning.twin_geometry import TwinGeometry
from tests.planning.shapes import OBLIQUE, STRAIGHT, Frame, ball, make_geometry

R, TUMOUR, SHELL = 40.0, 6.0, 8.0
SHELL_MM2 = 4 * math.pi * (TUMOUR + SHELL) ** 2


def two_tumours(frame: Frame) -> TwinGeometry:
    shapes = {"liver": ball((0, 0, 0), R), "tumour": ball((-15, 0, 0), TUMOUR), "cyst": ball((20, 0, 0), TUMOUR)}
    return make_geometry(shapes, frame, R + 4)


def judged(geometry: TwinGeometry, surface: CutSurface) -> ResectionResult:
    resection = Resection("A", "liver", surface, targets=("tumour", "cyst"), margin_mm=3.0)
    return evaluate_resection(geometry, cut_organ(geometry, resection), PatientFigures(170, 70))


@pytest.mark.parametrize("frame", [STRAIGHT, OBLIQUE])
def test_a_specimen_buried_in_the_organ_errs_with_its_targets_border(frame):
    geometry = two_tumours(frame)
    figures = judged(geometry, ShellCut(("tumour",), SHELL))
    moved = border_error_mm(geometry.error_terms("tumour"))
    assert figures.resected.error_ml == pytest.approx(SHELL_MM2 * moved / 1000, rel=0.05)
    assert figures.remnant.error_ml >= figures.resected.error_ml
    assert figures.remnant_error_percent >= 100 * figures.resected.error_ml / figures.organ.ml * 0.999


@pytest.mark.parametrize("frame", [STRAIGHT, OBLIQUE])
def test_the_true_change_of_a_moved_border_is_what_the_error_says(frame):
    geometry = two_tumours(frame)
    moved = border_error_mm(geometry.error_terms("tumour"))
    figures, larger = (judged(geometry, ShellCut(("tumour",), SHELL + mm)) for mm in (0.0, moved))
    # To first order: the ball of 14 mm grows by a second-order share of moved / 14.
    grown = larger.resected.ml - figures.resected.ml
    assert grown == pytest.approx(figures.resected.error_ml, rel=0.05 + moved / (TUMOUR + SHELL))


def test_shells_around_two_targets_err_each_for_itself():
    geometry = two_tumours(STRAIGHT)
    one, both = (judged(geometry, ShellCut(t, SHELL)).resected.error_ml for t in (("tumour",), ("tumour", "cyst")))
    assert both == pytest.approx(math.sqrt(2) * one, rel=0.03)


def test_a_plane_does_not_move_with_any_target():
    geometry = two_tumours(STRAIGHT)
    cut = cut_organ(geometry, Resection("A", "liver", PlaneCut((0, 0, 0), (1, 0, 0)), targets=("tumour",)))
    assert shell_areas_mm2(cut.side, cut.split.surface) == {}


def test_of_a_shell_and_a_plane_together_only_the_shell_moves_with_its_target():
    geometry = two_tumours(STRAIGHT)
    half = PlaneCut(STRAIGHT.point(-15, 0, 0), STRAIGHT.direction(0, 1, 0))
    surface = CombinedCut(Combination.INTERSECTION, (ShellCut(("tumour",), SHELL), half))
    cut = cut_organ(geometry, Resection("A", "liver", surface))
    areas = shell_areas_mm2(cut.side, cut.split.surface)
    assert set(areas) == {"tumour"}
    # Voxels at the crease belong to one of the two surfaces: a rim of half a voxel.
    assert areas["tumour"] == pytest.approx(SHELL_MM2 / 2, rel=0.08)
