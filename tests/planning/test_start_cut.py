"""First surfaces lie where they were drawn and take the side they should."""

from __future__ import annotations

import numpy as np
import pytest

from surgtwin.domain.plan import PatientFigures, Resection
from surgtwin.errors import PlanError
from surgtwin.planning.bezier import evaluate_patch, is_folded
from surgtwin.planning.resection import cut_organ, evaluate_resection
from surgtwin.planning.start_cut import patch_around, patch_of_contour, patch_of_plane, plane_of_two_clicks
from tests.planning.shapes import FRAMES, ball, make_geometry


@pytest.fixture(scope="module", params=FRAMES, ids=["straight", "oblique"])
def organ(request):
    shapes = {"liver": ball((0, 0, 0), 40), "tumour": ball((22, 0, 0), 8)}
    geometry = make_geometry(shapes, request.param, 46)
    return request.param, geometry, geometry.tissue(("liver", "tumour"))


def resected_ml(geometry, surface) -> float:
    return cut_organ(geometry, Resection("A", "liver", surface)).split.resected_ml


def cap_ml(x: float, r: float = 40.0) -> float:
    return np.pi * (r - x) ** 2 * (2 * r + x) / 3 / 1000


def test_two_clicks_lay_a_plane_along_the_line_of_sight(organ):
    frame, geometry, _ = organ
    first, second = frame.point(10, -30, 5), frame.point(10, 30, 5)
    plane = plane_of_two_clicks(first, second, frame.direction(0, 0, 1), away_from=frame.point(-30, 0, 0))
    assert plane.normal == pytest.approx(frame.direction(1, 0, 0), abs=1e-9)
    assert resected_ml(geometry, plane) == pytest.approx(cap_ml(10), rel=5e-3)
    other = plane_of_two_clicks(first, second, frame.direction(0, 0, 1), away_from=frame.point(30, 0, 0))
    assert other.normal == pytest.approx(frame.direction(-1, 0, 0), abs=1e-9)


@pytest.mark.parametrize("second", [(10, 0, 0), (10, 0, 40)])
def test_clicks_that_give_no_plane_are_refused(second):
    with pytest.raises(PlanError, match="two clicks"):
        plane_of_two_clicks((10, 0, 0), second, (0, 0, 1), (0, 0, 0))


def test_a_patch_made_of_a_plane_takes_what_the_plane_takes(organ):
    frame, geometry, tissue = organ
    plane = plane_of_two_clicks(
        frame.point(10, -30, 0), frame.point(5, 30, 0), frame.direction(0, 0, 1), frame.point(-30, 0, 0)
    )
    assert resected_ml(geometry, patch_of_plane(plane, tissue)) == pytest.approx(resected_ml(geometry, plane), rel=1e-6)


def test_a_contour_in_a_plane_gives_that_plane(organ):
    frame, geometry, tissue = organ
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    ring = frame.points(np.stack((np.full(40, 10.0), 38 * np.cos(turn), 38 * np.sin(turn)), 1))
    patch = patch_of_contour([tuple(p) for p in ring], tissue, frame.point(-30, 0, 0))
    assert resected_ml(geometry, patch) == pytest.approx(cap_ml(10), rel=5e-3)


def test_a_bent_contour_bends_the_patch(organ):
    frame, _, tissue = organ
    turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    y, z = 38 * np.cos(turn), 38 * np.sin(turn)
    ring = frame.points(np.stack((y * y / 150, y, z), 1))
    patch = patch_of_contour([tuple(p) for p in ring], tissue, frame.point(-30, 0, 0))
    t = np.linspace(0, 1, 200)
    net = evaluate_patch(patch.control_points_mm, t[:, None], t[None, :]).points_mm.reshape(-1, 3)
    away = np.linalg.norm(net[None] - ring[:, None], axis=2).min(1)
    assert away.max() < 1.5
    assert not is_folded(patch.control_points_mm)


def test_a_line_without_width_is_refused(organ):
    frame, _, tissue = organ
    straight = [frame.point(0, y, 0) for y in range(-20, 20, 5)]
    with pytest.raises(PlanError, match="no width"):
        patch_of_contour(straight, tissue, frame.point(-30, 0, 0))


@pytest.mark.parametrize("distance", [5.0, 10.0])
def test_a_bowl_keeps_its_distance_and_takes_the_target(organ, distance):
    frame, geometry, tissue = organ
    points = geometry.surface("tumour").mesh.vertices_mm
    bowl = patch_around(points, distance, frame.direction(1, 0, 0), tissue)
    assert not is_folded(bowl.control_points_mm)
    resection = Resection("A", "liver", bowl, targets=("tumour",), margin_mm=distance)
    margin = evaluate_resection(geometry, cut_organ(geometry, resection), PatientFigures()).margins[0]
    assert margin.is_resected
    assert margin.min_mm == pytest.approx(distance, abs=0.6)
