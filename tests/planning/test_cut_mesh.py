"""Divided surfaces: closed, outward, their volumes those of the closed forms and of the voxels."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import pytest
import trimesh

from surgtwin.domain.cut import BezierCut, PlaneCut, ShellCut
from surgtwin.domain.mesh import OrganMesh
from surgtwin.domain.plan import Resection
from surgtwin.errors import PlanError
from surgtwin.planning.bezier import flat_patch
from surgtwin.planning.cut_mesh import CutMeshes, SolidOrgan, divide
from surgtwin.planning.resection import cut_organ
from surgtwin.planning.twin_geometry import TwinGeometry
from tests.planning.shapes import FRAMES, OBLIQUE, STRAIGHT, ball, make_geometry

GREEN = (90, 200, 120)


def icosphere(frame, radius=50.0) -> OrganMesh:
    sphere = trimesh.creation.icosphere(5, radius)
    return OrganMesh("liver", frame.points(np.asarray(sphere.vertices)), np.asarray(sphere.faces), (221, 130, 101))


def assert_closed(parts: CutMeshes) -> None:
    for part in (parts.resected, parts.remnant):
        mesh = trimesh.Trimesh(part.vertices_mm, part.triangles, process=False)
        assert mesh.is_watertight and mesh.is_winding_consistent and mesh.volume > 0


def patch(frame, x: float, flip: bool = False) -> BezierCut:
    net = flat_patch((x, 0, 0), (0, 80, 0), (0, 0, 80))
    return BezierCut(frame.points(net.reshape(-1, 3)).reshape(4, 4, 3), flip)


@lru_cache(maxsize=2)
def liver(frame) -> TwinGeometry:
    return make_geometry({"liver": ball((0, 0, 0), 50), "tumour": ball((10, 0, 0), 8)}, frame)


def side_of(frame, surface):
    geometry = liver(frame)
    return geometry, cut_organ(geometry, Resection("A", "liver", surface)).side


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("kind", ["plane", "patch", "flipped"])
def test_a_cap_is_closed_and_has_its_volume_disc_and_area(frame, kind):
    surface = {
        "plane": PlaneCut(frame.point(20, 0, 0), frame.direction(1, 0, 0)),
        "patch": patch(frame, 20),
        "flipped": patch(frame, 20, flip=True),
    }[kind]
    parts = divide(SolidOrgan.of(icosphere(frame)), side_of(frame, surface)[1], GREEN)
    assert_closed(parts)
    cap, rest = (parts.resected, parts.remnant) if kind != "flipped" else (parts.remnant, parts.resected)
    assert cap.volume_ml == pytest.approx(113.097336, rel=2e-3)
    assert cap.volume_ml + rest.volume_ml == pytest.approx(icosphere(frame).volume_ml, rel=1e-9)
    assert parts.cut_area_mm2 == pytest.approx(6597.345, rel=2e-3)
    assert cap.area_mm2 - parts.cut_area_mm2 == pytest.approx(9424.778, rel=2e-3)


def test_the_cut_surface_faces_the_resected_side():
    parts = divide(SolidOrgan.of(icosphere(OBLIQUE)), side_of(OBLIQUE, patch(OBLIQUE, 20))[1], GREEN)
    a, b, c = (parts.cut_vertices_mm[parts.cut_triangles[:, n]] for n in range(3))
    normals = np.cross(b - a, c - a)
    assert (normals @ np.asarray(OBLIQUE.direction(1, 0, 0)) > 0).all()


@pytest.mark.parametrize("frame", FRAMES)
def test_a_shell_takes_a_ball_whose_mesh_agrees_with_the_voxels(frame):
    surface = ShellCut(("tumour",), 10.0)
    geometry, side = side_of(frame, surface)
    cut = cut_organ(geometry, Resection("A", "liver", surface))
    parts = divide(SolidOrgan.of(geometry.tissue_mesh(cut.tissue)), side, GREEN)
    assert_closed(parts)
    assert parts.resected.volume_ml == pytest.approx(4 / 3 * math.pi * 5.832, rel=0.02)
    assert parts.resected.volume_ml == pytest.approx(cut.split.resected_ml, rel=0.02)
    assert parts.cut_area_mm2 == pytest.approx(4 * math.pi * 324, rel=0.03)


def test_an_open_surface_is_refused():
    whole = icosphere(STRAIGHT)
    with pytest.raises(PlanError, match="not closed"):
        SolidOrgan.of(OrganMesh("liver", whole.vertices_mm, whole.triangles[:-5], whole.colour))
