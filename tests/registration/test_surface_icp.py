"""Points on an organ find their place on its surface, say how well, and are refused where they could slide."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from surgtwin.domain.geometry import RigidTransform
from surgtwin.domain.mesh import OrganMesh
from surgtwin.errors import GeometryError
from surgtwin.registration.surface_icp import fit_to_surface
from tests.conftest import rotation

CENTRE = np.array([-60.0, 30.0, -410.0])


def organ(radii=(70.0, 45.0, 38.0), lobe=0.35) -> trimesh.Trimesh:
    """An ellipsoid with a lobe: it can't be turned onto itself."""
    ball = trimesh.creation.icosphere(subdivisions=4)
    unit = np.asarray(ball.vertices)
    bulge = 1.0 + lobe * np.exp(-8 * ((unit - np.array([0.5, -0.7, 0.5])) ** 2).sum(axis=1))
    bulge -= 0.6 * lobe * np.exp(-6 * ((unit - np.array([-0.7, 0.5, 0.5])) ** 2).sum(axis=1))
    return trimesh.Trimesh(unit * bulge[:, None] * radii + CENTRE, ball.faces, process=False)


def as_mesh(surface: trimesh.Trimesh) -> OrganMesh:
    return OrganMesh("liver", surface.vertices, np.asarray(surface.faces, dtype=np.int32), (200, 100, 90))


def truth(degrees=(6.0, -4.0, 5.0), shift=(7.0, -5.0, 8.0)) -> RigidTransform:
    """Tracker to LPS: far away and turned, plus what the start does not know."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(degrees) @ rotation((50, 20, -120))
    matrix[:3, 3] = CENTRE + shift
    return RigidTransform("lps", "tracker", matrix)


def start_of(real: RigidTransform, degrees=(4.0, 5.0, -4.0), shift=(4.0, -6.0, 3.0)) -> RigidTransform:
    off = np.eye(4)
    off[:3, :3] = rotation(degrees)
    off[:3, 3] = CENTRE - off[:3, :3] @ CENTRE + shift
    return RigidTransform("lps", "tracker", off @ real.matrix)


def felt(surface: trimesh.Trimesh, real: RigidTransform, count=60, noise_mm=0.0, seed=3, front=True) -> np.ndarray:
    points, which = trimesh.sample.sample_surface(surface, 4 * count, seed=seed)
    if front:
        points = points[surface.face_normals[which][:, 1] < 0.4]
    points = points[:count] + noise_mm * np.random.default_rng(seed).normal(size=(len(points[:count]), 3))
    return real.inverse().apply(points)


def tre(fit, real: RigidTransform, targets: np.ndarray) -> np.ndarray:
    return np.linalg.norm(fit.transform.apply(real.inverse().apply(targets)) - targets, axis=-1)


TARGETS = CENTRE + np.array([[0, 0, 0], [20, -10, 5], [-30, 10, -10]], dtype=float)


def test_points_without_noise_find_the_exact_place() -> None:
    surface, real = organ(), truth()
    fit = fit_to_surface(felt(surface, real), as_mesh(surface), start_of(real))
    assert tre(fit, real, TARGETS).max() < 0.05
    assert fit.rms_mm < 0.02
    assert (fit.transform.to_frame, fit.transform.from_frame) == ("lps", "tracker")


def test_the_predicted_error_is_about_the_error_that_is_made() -> None:
    surface, real = organ(), truth()
    made, stated = [], []
    for seed in range(20):
        fit = fit_to_surface(felt(surface, real, 50, 1.0, seed), as_mesh(surface), start_of(real))
        made.append(tre(fit, real, TARGETS))
        stated.append(fit.tre_mm(TARGETS, fle_mm=1.0))
    ratio = np.sqrt(np.mean(np.square(made))) / np.sqrt(np.mean(np.square(stated)))
    assert 0.6 < ratio < 1.6


def test_points_that_are_not_of_the_organ_do_not_count() -> None:
    surface, real = organ(), truth()
    points = felt(surface, real, 60, 0.3)
    points[:10] += (0.0, 0.0, 25.0)
    fit = fit_to_surface(points, as_mesh(surface), start_of(real))
    assert tre(fit, real, TARGETS).max() < 0.7
    assert fit.used <= 52
    assert fit.weights[10:].min() > 0


@pytest.mark.parametrize("shape", ["ball", "plate", "tube"])
def test_shapes_along_which_points_slide_are_refused(shape) -> None:
    surface = {
        "ball": organ((40, 40, 40), 0.0),
        "plate": trimesh.creation.box((300, 300, 20)),
        "tube": trimesh.creation.capsule(200, 12),
    }[shape]
    if shape == "plate":
        surface = surface.subdivide().subdivide().subdivide()
    points, which = trimesh.sample.sample_surface(surface, 400, seed=1)
    if shape == "plate":
        points = points[surface.face_normals[which][:, 2] > 0.9]
    identity = RigidTransform("lps", "tracker", np.eye(4))
    with pytest.raises(GeometryError, match="slide along the surface"):
        fit_to_surface(points[:100], as_mesh(surface), identity)


def test_bad_inputs_are_refused() -> None:
    surface, real = organ(), truth()
    points, mesh = felt(surface, real), as_mesh(surface)
    with pytest.raises(GeometryError, match="At least 12"):
        fit_to_surface(points[:11], mesh, start_of(real))
    with pytest.raises(GeometryError, match="At least 12"):
        fit_to_surface(np.where(np.arange(60)[:, None] == 5, np.nan, points), mesh, start_of(real))
    with pytest.raises(GeometryError, match="Register by landmarks first"):
        fit_to_surface(points, mesh, start_of(real, shift=(120, 0, 90)))


def test_points_of_another_shape_are_refused() -> None:
    rng = np.random.default_rng(0)
    scattered = CENTRE + rng.uniform(-60, 60, (80, 3))
    with pytest.raises(GeometryError):
        fit_to_surface(scattered, as_mesh(organ()), RigidTransform("lps", "tracker", np.eye(4)))
