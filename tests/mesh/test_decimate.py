from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import trimesh
from vtkmodules.vtkFiltersCore import vtkImplicitPolyDataDistance

from surgtwin.domain.mesh import OrganMesh
from surgtwin.errors import MeshError
from surgtwin.mesh.decimate import decimate, thinned
from surgtwin.mesh.deviation import poly_data
from surgtwin.mesh.extract import MeshSettings, extract_meshes
from tests.mesh.shapes import assert_sound, centred_mm, isotropic, label_map, quality_of


@pytest.fixture(scope="module")
def bean() -> OrganMesh:
    """A bent, ragged organ with a crumb of three voxels beside it."""
    grid = isotropic(44)
    x, y, z = np.moveaxis(centred_mm(grid), -1, 0)
    inside = (x / 15) ** 2 + ((y - 0.03 * x**2) / 9) ** 2 + (z / 11) ** 2 < 1
    inside ^= (np.random.default_rng(1).random(inside.shape) < 0.3) & (np.roll(inside, 1, 0) != inside)
    inside[2, 2, 2:5] = True
    (mesh,) = extract_meshes(label_map(grid, inside.astype(np.uint8)))
    return mesh


@pytest.mark.parametrize("reduction", [0.3, 0.6, 0.9])
def test_decimated_organs_stay_sound_and_keep_volume_and_pieces(bean: OrganMesh, reduction: float):
    thin = decimate(bean, reduction)
    assert_sound(thin)
    assert len(thin.triangles) < len(bean.triangles) * (1 - 0.6 * reduction)
    assert quality_of(thin).pieces == quality_of(bean).pieces
    assert thin.volume_ml == pytest.approx(bean.volume_ml, rel=1e-3)


def test_the_stated_deviation_covers_what_decimation_moved(bean: OrganMesh):
    thin = decimate(bean, 0.8)
    from_bean = vtkImplicitPolyDataDistance()
    from_bean.SetInput(poly_data(bean.vertices_mm, bean.triangles))
    there = np.array([abs(from_bean.EvaluateFunction(v)) for v in thin.vertices_mm])
    added = quality_of(thin).deviation_max_mm - quality_of(bean).deviation_max_mm
    assert 0 < there.max() <= added + 1e-6


def test_decimating_while_extracting_is_the_same_as_after(bean: OrganMesh):
    grid = isotropic(30)
    labels = label_map(grid, (np.linalg.norm(centred_mm(grid), axis=-1) < 11).astype(np.uint8))
    (whole,) = extract_meshes(labels)
    (thin,) = extract_meshes(labels, MeshSettings(decimate=0.8))
    np.testing.assert_array_equal(thin.triangles, decimate(whole, 0.8).triangles)


def test_tiny_structures_and_no_reduction_leave_the_mesh_alone(bean: OrganMesh, oblique_grid):
    voxel = np.zeros(oblique_grid.shape, np.uint8)
    voxel[4, 4, 4] = 1
    (mesh,) = extract_meshes(label_map(oblique_grid, voxel), MeshSettings(decimate=0.9))
    assert len(mesh.triangles) == 12
    assert len(decimate(bean, 0.0).triangles) == len(bean.triangles)


@pytest.mark.parametrize("reduction", [-0.1, 1.0, float("nan")])
def test_a_reduction_out_of_range_is_refused(bean: OrganMesh, reduction: float):
    with pytest.raises(MeshError, match="0 to below 1"):
        decimate(bean, reduction)


def test_an_open_mesh_is_refused(bean: OrganMesh):
    with pytest.raises(MeshError, match="open"):
        decimate(replace(bean, triangles=bean.triangles[1:], quality=None), 0.5)


def test_surfaces_that_are_decimated_at_the_same_time_do_not_mix():
    balls = [trimesh.creation.icosphere(6, radius=radius) for radius in (10.0, 20.0, 30.0, 40.0)]

    def radius_left(ball: trimesh.Trimesh) -> float:
        left = thinned(np.array(ball.vertices), np.array(ball.faces, dtype=np.int32), 0.8)
        assert left is not None
        return float(np.linalg.norm(left[0], axis=1).mean())

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(radius_left, balls * 3))
    assert found == pytest.approx([10.0, 20.0, 30.0, 40.0] * 3, rel=0.01)
