"""Distances between targets and cuts, and how sure a border is."""

from __future__ import annotations

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest

from surgtwin.domain.confidence import VolumeInterval
from surgtwin.domain.cut import PlaneCut
from surgtwin.domain.plan import PatientFigures, Resection
from surgtwin.domain.verdict import Verdict
from surgtwin.mesh.surface_distance import vertex_areas
from surgtwin.planning.margin import is_nearer
from surgtwin.planning.resection import ResectionResult, cut_organ, evaluate_resection
from surgtwin.planning.twin_geometry import SEGMENTATION_ERROR_MM, TwinGeometry
from tests.planning.shapes import OBLIQUE, STRAIGHT, ball, make_geometry, make_twin

SHAPES = {"liver": ball((0, 0, 0), 40), "tumour": ball((28, 0, 0), 8)}
BALL_MM2 = 4 * np.pi * 64


@pytest.fixture(scope="module")
def twin():
    return make_twin(SHAPES, STRAIGHT, 44)


def with_interval(twin, name: str, low: float, high: float, level: float = 0.9) -> TwinGeometry:
    ml = twin.labels.volume_ml(twin.labels.structure(name))
    interval = VolumeInterval(name, ml, ml * low, ml * high, level)
    return TwinGeometry(replace(twin, volume_intervals=(interval,)))


def judged(geometry: TwinGeometry, margin_mm: float) -> ResectionResult:
    cut = PlaneCut(STRAIGHT.point(8, 0, 0), STRAIGHT.direction(1, 0, 0))
    resection = Resection("A", "liver", cut, targets=("tumour",), margin_mm=margin_mm)
    return evaluate_resection(geometry, cut_organ(geometry, resection), PatientFigures())


@pytest.mark.parametrize("than_mm", [0.0, 0.3, 5.0, 12.0])
def test_what_lies_nearer_is_what_the_exact_distance_says(than_mm):
    surface = make_geometry(SHAPES, OBLIQUE, 44).surface("tumour")
    points = np.random.default_rng(3).normal(0, 12, (4000, 3)) + OBLIQUE.point(28, 0, 0)
    assert (is_nearer(surface, points, than_mm) == (np.abs(surface.at(points)) < than_mm)).all()


def test_without_an_interval_a_border_is_as_sure_as_the_setting_says(twin):
    assert TwinGeometry(twin).error_terms("tumour").segmentation_mm == SEGMENTATION_ERROR_MM
    assert TwinGeometry(twin, segmentation_mm=0.4).error_terms("tumour").segmentation_mm == 0.4


def test_an_interval_is_spread_over_the_surface_as_a_standard_error(twin):
    """Volumes of up to 20 % more at 90 %: 0.2 V / A / 1.645 = 0.2 r / 3 / 1.645 for a ball."""
    geometry = with_interval(twin, "tumour", 0.95, 1.2)
    truth = 0.2 * 8 / 3 / NormalDist().inv_cdf(0.95)
    assert geometry.error_terms("tumour").segmentation_mm == pytest.approx(truth, rel=0.03)
    assert geometry.error_terms("liver").segmentation_mm == SEGMENTATION_ERROR_MM
    assert geometry.error_terms().segmentation_mm == SEGMENTATION_ERROR_MM
    assert float(vertex_areas(geometry.surface("tumour").mesh).sum()) == pytest.approx(BALL_MM2, rel=0.03)


def test_the_wider_side_of_an_interval_counts_and_a_surer_level_makes_it_tighter(twin):
    low_side = with_interval(twin, "tumour", 0.8, 1.05).border_error_mm("tumour")
    high_side = with_interval(twin, "tumour", 0.95, 1.2).border_error_mm("tumour")
    surer = with_interval(twin, "tumour", 0.95, 1.2, level=0.99).border_error_mm("tumour")
    assert low_side == pytest.approx(high_side) and surer < high_side


def test_a_narrow_interval_proves_a_margin_that_the_setting_leaves_open(twin):
    open_, proven = (
        judged(g, 10.2).margins[0] for g in (TwinGeometry(twin), with_interval(twin, "tumour", 0.97, 1.03))
    )
    assert (open_.verdict, proven.verdict) == (Verdict.UNPROVEN, Verdict.SAFE)
    assert proven.min_mm == open_.min_mm == pytest.approx(12.0, abs=0.5)
    assert proven.terms.dominating == "voxel"


def test_an_edited_structure_has_no_interval_any_more(twin):
    geometry = with_interval(twin, "tumour", 0.97, 1.03)
    stale = replace(geometry.twin.volume_intervals[0], estimate_ml=geometry.twin.volume_intervals[0].estimate_ml * 1.01)
    assert TwinGeometry(replace(twin, volume_intervals=(stale,))).border_error_mm("tumour") == SEGMENTATION_ERROR_MM


def test_the_error_of_a_volume_comes_from_the_interval_of_its_organ(twin):
    plain, sure = (judged(g, 10.0) for g in (TwinGeometry(twin), with_interval(twin, "liver", 0.99, 1.01)))
    assert sure.organ.ml == plain.organ.ml
    assert sure.organ.error_ml < plain.organ.error_ml
    assert sure.margins[0].terms.segmentation_mm == SEGMENTATION_ERROR_MM
