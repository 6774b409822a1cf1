"""Cuts through a ball: caps, discs, margins and errors against closed forms, in any frame."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from surgtwin.domain.cut import BezierCut, Combination, CombinedCut, PlaneCut, ShellCut
from surgtwin.domain.plan import Parenchyma, PatientFigures, Resection
from surgtwin.domain.verdict import Verdict
from surgtwin.errors import PlanError
from surgtwin.planning.bezier import flat_patch
from surgtwin.planning.resection import cut_organ, evaluate_resection, evaluate_together
from surgtwin.planning.twin_geometry import TwinGeometry
from tests.planning.shapes import FRAMES, OBLIQUE, STRAIGHT, Frame, ball, make_geometry

R = 50.0
BALL_ML = 523.598776
PATIENT = PatientFigures(170, 70)
CAPS_ML = {0: 261.799388, 10: 184.306769, 20: 113.097336, 25: 81.812309, 40: 14.660766}


@lru_cache(maxsize=2)
def liver(frame: Frame) -> TwinGeometry:
    return make_geometry({"liver": ball((0, 0, 0), R), "tumour": ball((40, 0, 0), 8)}, frame)


def plane(frame: Frame, x: float, towards: float = 1.0) -> PlaneCut:
    return PlaneCut(frame.point(x, 0, 0), frame.direction(towards, 0, 0))


def patch(frame: Frame, x: float) -> BezierCut:
    own = flat_patch((x, 0, 0), (0, 80, 0), (0, 0, 80))
    return BezierCut(frame.points(own.reshape(-1, 3)).reshape(4, 4, 3))


def result(geometry: TwinGeometry, surface, **changes):
    resection = replace(Resection("A", "liver", surface, targets=("tumour",)), **changes)
    return evaluate_resection(geometry, cut_organ(geometry, resection), PATIENT)


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("x", CAPS_ML)
@pytest.mark.parametrize("make", [plane, patch])
def test_a_cap_has_the_volume_of_the_closed_form(frame, x, make):
    figures = result(liver(frame), make(frame, x))
    assert figures.resected.ml == pytest.approx(CAPS_ML[x], rel=2e-3)
    assert abs(figures.resected.ml - CAPS_ML[x]) < figures.resected.error_ml
    assert figures.resected.ml + figures.remnant.ml == pytest.approx(figures.organ.ml, abs=1e-9)
    assert figures.cut_area_mm2 == pytest.approx(math.pi * (R * R - x * x), rel=0.03 if x == 40 else 0.01)


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("make", [plane, patch])
def test_the_margin_of_a_tumour_is_that_of_the_closed_form(frame, make):
    margin = result(liver(frame), make(frame, 20)).margins[0]
    assert margin.min_mm == pytest.approx(12.0, abs=0.5)
    assert margin.at_mm == pytest.approx(frame.point(32, 0, 0), abs=2.5)
    assert margin.cut_at_mm == pytest.approx(frame.point(20, 0, 0), abs=2.5)
    assert margin.is_resected and not margin.is_missed


@pytest.mark.parametrize("frame", FRAMES)
def test_swapping_the_sides_swaps_the_volumes(frame):
    one, other = (result(liver(frame), plane(frame, 13.7, s), targets=()) for s in (1.0, -1.0))
    assert one.resected.ml == pytest.approx(other.remnant.ml, abs=1e-6)
    assert one.cut_area_mm2 == pytest.approx(other.cut_area_mm2, rel=1e-7)


def test_a_flipped_patch_takes_the_other_side():
    cut = patch(STRAIGHT, 20)
    one = result(liver(STRAIGHT), cut, targets=())
    other = result(liver(STRAIGHT), replace(cut, flip=True), targets=())
    assert one.resected.ml == pytest.approx(other.remnant.ml, abs=1e-6)


def test_a_bent_patch_takes_what_the_integral_says():
    """x = 20 + (y^2 + z^2) / 400 is a bicubic surface: its cap is a closed integral."""
    at = np.linspace(-60, 60, 4)
    net = np.empty((4, 4, 3))
    # Bezier ordinates of t^2 over [-60, 60]: degree elevation of (3600, -3600, 3600).
    square = np.array([3600.0, -1200.0, -1200.0, 3600.0])
    for u in range(4):
        for v in range(4):
            net[u, v] = (20 + (square[u] + square[v]) / 400, at[u], at[v])
    figures = result(liver(OBLIQUE), BezierCut(OBLIQUE.points(net.reshape(-1, 3)).reshape(4, 4, 3)), targets=())
    r = np.linspace(0, R, 200_001)
    height = np.sqrt(np.maximum(R * R - r * r, 0)) - (20 + r * r / 400)
    truth = np.trapezoid(np.maximum(height, 0) * 2 * math.pi * r, r) / 1000
    assert figures.resected.ml == pytest.approx(truth, rel=3e-3)


@pytest.mark.parametrize("frame", FRAMES)
def test_a_shell_is_a_ball_around_the_tumour_cut_by_the_capsule(frame):
    geometry = make_geometry({"liver": ball((0, 0, 0), R), "tumour": ball((10, 0, 0), 8)}, frame)
    figures = result(geometry, ShellCut(("tumour",), 10.0))
    assert figures.resected.ml == pytest.approx(4 / 3 * math.pi * 18**3 / 1000, rel=0.015)
    assert figures.margins[0].min_mm == pytest.approx(10.0, abs=0.3)


def test_combined_planes_take_the_wedge():
    x, y = plane(STRAIGHT, 0), PlaneCut(STRAIGHT.point(0, 0, 0), STRAIGHT.direction(0, 1, 0))
    share = {
        how: result(liver(STRAIGHT), CombinedCut(how, (x, y)), targets=()).resected.ml / BALL_ML for how in Combination
    }
    assert share[Combination.INTERSECTION] == pytest.approx(0.25, rel=2e-3)
    assert share[Combination.UNION] == pytest.approx(0.75, rel=2e-3)
    assert share[Combination.DIFFERENCE] == pytest.approx(0.25, rel=2e-3)


def test_verdicts_follow_the_error_and_name_the_term_that_dominates():
    geometry = liver(STRAIGHT)
    by_margin = {m: result(geometry, plane(STRAIGHT, 20), margin_mm=m).margins[0] for m in (9.0, 12.0, 15.0)}
    assert [by_margin[m].verdict for m in by_margin] == [Verdict.SAFE, Verdict.UNPROVEN, Verdict.VIOLATED]
    assert "segmentation" in by_margin[12.0].reason


def test_a_target_that_stays_is_violated_however_far_the_cut():
    margin = result(liver(STRAIGHT), plane(STRAIGHT, -20, -1.0), margin_mm=1.0).margins[0]
    assert margin.is_missed and margin.verdict is Verdict.VIOLATED
    assert margin.min_mm == pytest.approx(-68.0, abs=1.5)
    assert margin.reason == "target not resected"


def test_a_cut_through_the_target_leaves_its_depth_behind():
    margin = result(liver(STRAIGHT), plane(STRAIGHT, 37)).margins[0]
    assert margin.min_mm == pytest.approx(-5.0, abs=0.4)
    assert margin.verdict is Verdict.VIOLATED and not margin.is_missed


def test_the_margin_grows_uncertain_with_the_registration():
    geometry = liver(STRAIGHT).with_registration(3.0)
    margin = result(geometry, plane(STRAIGHT, 20), margin_mm=9.0).margins[0]
    assert margin.verdict is Verdict.UNPROVEN and margin.terms.dominating == "registration"


def test_remnant_figures_of_a_known_patient():
    figures = result(liver(STRAIGHT), plane(STRAIGHT, 20))
    tumour = 4 / 3 * math.pi * 0.512
    assert figures.tumour_ml == pytest.approx(tumour, rel=0.02)
    assert figures.flr_percent == pytest.approx(100 * (BALL_ML - CAPS_ML[20]) / (BALL_ML - tumour), rel=2e-3)
    assert figures.sflr_percent["Vauthey"] == pytest.approx(100 * figures.remnant.ml / 1509.66, rel=1e-3)
    assert figures.least_percent == 20.0 and figures.remnant_verdict is Verdict.SAFE


def test_the_threshold_follows_the_tissue():
    cut = cut_organ(liver(STRAIGHT), Resection("A", "liver", plane(STRAIGHT, -25)))
    sick = evaluate_resection(liver(STRAIGHT), cut, replace(PATIENT, parenchyma=Parenchyma.CIRRHOSIS))
    assert sick.least_percent == 40.0 and sick.remnant_verdict is Verdict.VIOLATED


def test_cuts_together_take_what_any_of_them_takes():
    geometry = liver(STRAIGHT)
    cuts = tuple(
        cut_organ(geometry, Resection(name, "liver", plane(STRAIGHT, x, towards), targets=targets))
        for name, x, towards, targets in (("A", 20, 1.0, ("tumour",)), ("B", -25, -1.0, ()))
    )
    together = evaluate_together(geometry, cuts, PATIENT)
    assert together.resected.ml == pytest.approx(CAPS_ML[20] + CAPS_ML[25], rel=2e-3)
    assert together.name == "A + B" and [m.target for m in together.margins] == ["tumour"]


def test_an_included_structure_counts_as_the_organ():
    shapes = {"liver": ball((0, 0, 0), 30), "portal vein": ball((0, 10, 0), 8)}
    geometry = make_geometry(shapes, STRAIGHT, 34)
    without = result(geometry, plane(STRAIGHT, 0), targets=()).organ.ml
    whole = result(geometry, plane(STRAIGHT, 0), targets=(), includes=("portal vein",)).organ.ml
    assert whole == pytest.approx(4 / 3 * math.pi * 27, rel=2e-3)
    assert whole - without == pytest.approx(4 / 3 * math.pi * 0.512, rel=0.02)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"organ": "lever"}, "organ"),
        ({"targets": ("tumor",)}, r"targets\[0\]"),
        ({"includes": ("vein",)}, r"includes\[0\]"),
        ({"surface": PlaneCut(STRAIGHT.point(80, 0, 0), (1, 0, 0))}, "surface: the cut misses 'liver': none"),
        ({"surface": PlaneCut(STRAIGHT.point(-80, 0, 0), (1, 0, 0))}, "surface: the cut misses 'liver': all"),
        ({"surface": ShellCut(("tumor",), 10)}, r"surface.targets\[0\]"),
    ],
)
def test_a_cut_that_fits_nothing_names_its_field(changes, field):
    with pytest.raises(PlanError, match=field):
        result(liver(STRAIGHT), **{"surface": plane(STRAIGHT, 20), **changes})
