from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from surgtwin.domain.geometry import Grid
from surgtwin.errors import Cancelled, LabelError, MeshError
from surgtwin.mesh.extract import MeshSettings, extract_meshes
from surgtwin.progress import Progress
from tests.mesh.shapes import OFF_CENTRE, assert_sound, centred_mm, isotropic, label_map, orientations, quality_of

RAW = MeshSettings(smoothing=False)
SMOOTH = MeshSettings()


def the_mesh(grid: Grid, inside: np.ndarray, settings_: MeshSettings = SMOOTH):
    (mesh,) = extract_meshes(label_map(grid, inside.astype(np.uint8)), settings_)
    return mesh


def sphere(grid: Grid, radius: float) -> np.ndarray:
    return np.linalg.norm(centred_mm(grid), axis=-1) < radius


def torus(grid: Grid, ring: float, tube: float) -> np.ndarray:
    x, y, z = np.moveaxis(centred_mm(grid), -1, 0)
    return (np.hypot(x, y) - ring) ** 2 + z**2 < tube**2


def test_a_sphere_of_40_voxels_keeps_its_volume_within_two_per_mille():
    mesh = the_mesh(isotropic(86), sphere(isotropic(86), 40.0))
    assert_sound(mesh)
    assert mesh.volume_ml == pytest.approx(4 / 3 * np.pi * 40**3 / 1000, rel=0.002)
    assert mesh.area_mm2 == pytest.approx(4 * np.pi * 40**2, rel=0.01)
    assert quality_of(mesh).euler_number == 2


def test_a_smoothed_sphere_is_rounder_than_its_voxels():
    grid = isotropic(50)
    middle = grid.center() + OFF_CENTRE
    smooth, raw = (the_mesh(grid, sphere(grid, 20.0), s) for s in (MeshSettings(), RAW))
    off = [np.abs(np.linalg.norm(m.vertices_mm - middle, axis=1) - 20.0) for m in (smooth, raw)]
    assert off[0].mean() < 0.25 * off[1].mean()
    assert off[0].max() < 0.6


def test_a_torus_of_three_voxels_keeps_its_volume_and_its_hole():
    grid = isotropic(60)
    mesh = the_mesh(grid, torus(grid, 20.0, 3.0))
    assert_sound(mesh)
    assert mesh.volume_ml == pytest.approx(2 * np.pi**2 * 20 * 9 / 1000, rel=0.03)
    assert mesh.volume_ml == pytest.approx(quality_of(mesh).label_volume_ml, rel=0.003)
    assert quality_of(mesh).euler_number == 0


def test_volumes_hold_on_anisotropic_oblique_grids(oblique_grid: Grid):
    grid = Grid.from_axes((30, 60, 70), (5.0, -80.0, 30.0), oblique_grid.direction, (0.8, 0.9, 2.5))
    mesh = the_mesh(grid, sphere(grid, 24.0))
    assert_sound(mesh)
    assert mesh.volume_ml == pytest.approx(4 / 3 * np.pi * 24**3 / 1000, rel=0.01)
    assert mesh.volume_ml == pytest.approx(quality_of(mesh).label_volume_ml, rel=0.001)


def test_the_bare_surface_has_the_volume_of_the_voxels_and_lies_on_their_faces(oblique_grid: Grid):
    inside = np.zeros(oblique_grid.shape, bool)
    inside[3:9, 4:15, 5:20] = True
    mesh = the_mesh(oblique_grid, inside, RAW)
    assert mesh.volume_ml == pytest.approx(6 * 11 * 15 * oblique_grid.voxel_volume_ml, rel=1e-9)
    corners = oblique_grid.to_ijk(mesh.vertices_mm)
    np.testing.assert_allclose(corners.min(axis=0), (4.5, 3.5, 2.5), atol=1e-9)
    np.testing.assert_allclose(corners.max(axis=0), (19.5, 14.5, 8.5), atol=1e-9)
    assert quality_of(mesh).deviation_max_mm == pytest.approx(0.0, abs=1e-9)


def test_a_structure_that_fills_the_image_is_closed_at_its_border(oblique_grid: Grid):
    mesh = the_mesh(oblique_grid, np.ones(oblique_grid.shape, bool))
    assert_sound(mesh)
    assert mesh.volume_ml == pytest.approx(quality_of(mesh).label_volume_ml, rel=1e-4)


@pytest.mark.parametrize("orientation", orientations())
def test_any_orientation_gives_the_same_place_outward(orientation: np.ndarray):
    grid = Grid.from_axes((9, 10, 11), (-3.0, 5.0, 7.0), orientation, (0.7, 0.8, 1.6))
    inside = np.zeros(grid.shape, bool)
    inside[2:6, 3:8, 1:7] = True
    inside[6, 4, 2] = True
    mesh = the_mesh(grid, inside)
    assert_sound(mesh)
    k, j, i = np.nonzero(inside)
    voxels = grid.to_lps(np.stack((i, j, k), axis=1))
    solid = trimesh.Trimesh(mesh.vertices_mm, mesh.triangles, process=False)
    np.testing.assert_allclose(solid.center_mass, voxels.mean(axis=0), atol=0.1)
    assert solid.is_winding_consistent and solid.volume > 0


def test_touching_organs_are_each_closed_and_their_volumes_add_up(oblique_grid: Grid):
    labels = np.zeros(oblique_grid.shape, np.uint8)
    labels[4:12, 4:12, 4:24] = 1
    labels[4:12, 12:20, 4:14] = 2
    labels[4:12, 12:20, 14:24] = 3
    meshes = extract_meshes(label_map(oblique_grid, labels))
    assert len(meshes) == 3
    for mesh in meshes:
        assert_sound(mesh)
    total = np.count_nonzero(labels) * oblique_grid.voxel_volume_ml
    assert sum(m.volume_ml for m in meshes) == pytest.approx(total, rel=1e-3)


@pytest.mark.parametrize("settings_", [MeshSettings(), RAW])
def test_a_single_voxel_keeps_its_volume(oblique_grid: Grid, settings_: MeshSettings):
    inside = np.zeros(oblique_grid.shape, bool)
    inside[5, 6, 7] = True
    mesh = the_mesh(oblique_grid, inside, settings_)
    assert_sound(mesh)
    assert mesh.volume_ml == pytest.approx(oblique_grid.voxel_volume_ml, rel=1e-3)


def test_a_line_of_voxels_is_not_wiped_out(oblique_grid: Grid):
    inside = np.zeros(oblique_grid.shape, bool)
    inside[4:10, 5:13, 3:11] = True
    inside[7, 9, 11:25] = True
    mesh = the_mesh(oblique_grid, inside)
    ijk = oblique_grid.to_ijk(mesh.vertices_mm)
    around = ijk[np.abs(ijk[:, 0] - 20) < 0.6]
    assert np.ptp(around[:, 1]) > 0.4 and np.ptp(around[:, 2]) > 0.4


def test_a_checkerboard_comes_apart_into_its_voxels(oblique_grid: Grid):
    k, j, i = np.indices(oblique_grid.shape)
    inside = (i + j + k) % 2 == 0
    inside[7:] = False
    mesh = the_mesh(oblique_grid, inside)
    assert_sound(mesh)
    assert quality_of(mesh).pieces == np.count_nonzero(inside)
    assert mesh.volume_ml == pytest.approx(quality_of(mesh).label_volume_ml, rel=0.01)


@settings(max_examples=60, deadline=None)
@given(
    labels=arrays(np.uint8, (4, 5, 6), elements=st.integers(0, 2)),
    left_handed=st.booleans(),
    smoothing=st.booleans(),
    spacing=st.tuples(*[st.floats(0.3, 4.0)] * 3),
)
def test_any_small_label_map_gives_sound_surfaces(labels, left_handed, smoothing, spacing):
    direction = np.diag([-1.0 if left_handed else 1.0, 1.0, 1.0])
    grid = Grid.from_axes(labels.shape, (300.0, -200.0, 1000.0), direction, spacing)
    for mesh in extract_meshes(label_map(grid, labels), MeshSettings(smoothing=smoothing)):
        assert_sound(mesh)
        quality = quality_of(mesh)
        assert quality.volume_ml == pytest.approx(quality.label_volume_ml, rel=0.02)
        assert quality.deviation_max_mm <= 1.5 * np.linalg.norm(spacing)


def test_vertices_that_touch_lie_apart_so_that_stl_readers_do_not_weld_them(oblique_grid: Grid):
    inside = np.zeros(oblique_grid.shape, bool)
    inside[5, 5, 5] = inside[5, 6, 6] = inside[6, 7, 7] = True
    mesh = the_mesh(oblique_grid, inside)
    assert len(np.unique(mesh.vertices_mm.astype(np.float32), axis=0)) == len(mesh.vertices_mm)
    assert quality_of(mesh).pieces == 3


def test_all_layers_are_meshed_in_the_order_of_the_structures(oblique_grid: Grid):
    below, above = np.zeros((2, *oblique_grid.shape), np.uint8)
    below[2:6, 2:6, 2:6], below[8:12, 8:12, 8:12] = 3, 1
    above[1:15, 1:15, 1:15] = 2
    labels = label_map(oblique_grid, below, above)
    assert [m.name for m in extract_meshes(labels)] == [s.name for s in labels.structures]


def test_structures_without_voxels_are_skipped_and_names_choose(oblique_grid: Grid):
    layer = np.zeros(oblique_grid.shape, np.uint8)
    layer[2:6, 2:6, 2:6], layer[8:12, 8:12, 8:12] = 1, 2
    full = label_map(oblique_grid, layer)
    without = type(full)(full.grid, (np.where(layer == 1, layer, 0).astype(np.uint8),), full.structures)
    assert [m.name for m in extract_meshes(without)] == ["structure 0-1"]
    assert [m.name for m in extract_meshes(full, names=["structure 0-2"])] == ["structure 0-2"]
    assert extract_meshes(full, names=[]) == ()
    with pytest.raises(LabelError, match="no structure 'heart'"):
        extract_meshes(full, names=["heart"])


def test_sheared_grids_are_meshed_and_measured():
    matrix = np.array([[1.0, 0.2, 0.3, 4], [0, 1.1, 0.2, 5], [0, 0, 2.0, 6], [0, 0, 0, 1]])
    grid = Grid((14, 16, 18), matrix)
    inside = sphere(grid, 7.0)
    mesh = the_mesh(grid, inside)
    assert_sound(mesh)
    assert mesh.volume_ml == pytest.approx(quality_of(mesh).label_volume_ml, rel=0.003)
    assert 0 < quality_of(mesh).deviation_mean_mm < quality_of(mesh).deviation_max_mm < 2.5


def test_progress_counts_up_and_cancel_stops(oblique_grid: Grid):
    layer = np.zeros(oblique_grid.shape, np.uint8)
    layer[2:6, 2:6, 2:6], layer[8:12, 8:12, 8:12] = 1, 2
    seen: list[float] = []
    extract_meshes(label_map(oblique_grid, layer), progress=Progress(lambda done, _: seen.append(done)))
    assert seen == sorted(seen) and seen[-1] == pytest.approx(1.0)
    with pytest.raises(Cancelled):
        extract_meshes(label_map(oblique_grid, layer), progress=Progress(is_cancelled=lambda: True))


@pytest.mark.parametrize(
    "wrong", [{"iterations": 1}, {"pass_band": 0.0}, {"pass_band": 2.0}, {"decimate": 1.0}, {"threads": 0}]
)
def test_settings_out_of_range_are_refused(wrong: dict):
    with pytest.raises(MeshError):
        MeshSettings(**wrong)


def test_real_labels_give_closed_surfaces(real_data: Path):
    import SimpleITK as sitk

    image = sitk.ReadImage(str(real_data / "ct_abdomen" / "case01_labels.nii.gz"))
    values = sitk.GetArrayFromImage(image).astype(np.uint8)
    direction = np.array(image.GetDirection()).reshape(3, 3)
    grid = Grid.from_axes(values.shape, image.GetOrigin(), direction, image.GetSpacing())
    meshes = extract_meshes(label_map(grid, values))
    assert len(meshes) == 13
    for mesh in meshes:
        assert_sound(mesh)
        assert mesh.volume_ml == pytest.approx(quality_of(mesh).label_volume_ml, rel=0.003)
