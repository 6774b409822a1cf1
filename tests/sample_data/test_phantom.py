"""The phantom is what it claims to be: right is right, the truth is true, the same seed gives the same person."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sample_data import scanner
from sample_data.labelling import HEPATIC, LIVER, NAMES, PORTAL_BRANCHES
from sample_data.liver import Tumour
from sample_data.phantom import FULL, SMALL, Phantom, PhantomSpec, make_phantom
from surgtwin.errors import Cancelled, InputError
from surgtwin.progress import Progress

COARSE = replace(SMALL, shape=(58, 76, 76), spacing_mm=(5.0, 5.0, 5.0))
"""Enough to see where everything lies; the hepatic veins of the periphery are thinner than a voxel."""
CELL_SD, SDS = 0.2887, 4.0


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return make_phantom(COARSE)


def center_mm(phantom: Phantom, name: str) -> np.ndarray:
    """Mean place of a structure in patient coordinates (LPS from the phantom's own origin)."""
    kji = np.argwhere(phantom.labels.mask(name))
    return phantom.labels.grid.to_lps(kji.mean(axis=0)[::-1]) - phantom.spec.origin_mm


def median_hu(phantom: Phantom, name: str) -> float:
    return float(np.median(phantom.volume.values[phantom.labels.mask(name)]))


def test_every_structure_is_there(phantom: Phantom) -> None:
    for structure in phantom.labels.structures:
        assert phantom.labels.voxels(structure) > 0, structure.name
    assert {s.name for s in phantom.labels.structures} == {*NAMES.values(), "body"}


@pytest.mark.parametrize("axes, rotation", [("LPS", (0, 0, 0)), ("RAI", (0, 0, 0)), ("SLP", (8, -6, 12))])
def test_right_is_right_on_every_grid(axes: str, rotation: tuple[float, float, float]) -> None:
    order = {"LPS": (58, 76, 76), "RAI": (58, 76, 76), "SLP": (76, 76, 58)}[axes]
    spec = replace(COARSE, axes=axes, rotation_deg=rotation, shape=order, spread=0.0, noise_hu=0.0)
    phantom = make_phantom(spec)
    right = ("liver", "gallbladder", "right kidney", "inferior vena cava", "right adrenal")
    left = ("spleen", "stomach", "left kidney", "aorta", "left adrenal", "heart")
    assert all(center_mm(phantom, name)[0] < 0 for name in right)
    assert all(center_mm(phantom, name)[0] > 0 for name in left)
    assert center_mm(phantom, "lungs")[2] > center_mm(phantom, "liver")[2] > center_mm(phantom, "small bowel")[2]
    assert center_mm(phantom, "bone")[1] > center_mm(phantom, "aorta")[1] > center_mm(phantom, "stomach")[1]


def test_values_are_those_of_the_portal_venous_phase(phantom: Phantom) -> None:
    assert median_hu(phantom, "lungs") < -800
    assert 85 < median_hu(phantom, "liver") < 140
    assert median_hu(phantom, "right kidney") > median_hu(phantom, "liver") + 30
    assert 100 < median_hu(phantom, "aorta") < 230
    assert median_hu(phantom, "liver") - median_hu(phantom, "tumour 1") > 20
    assert median_hu(phantom, "bone") > 150
    air = phantom.volume.values[~phantom.labels.mask("body")]
    assert np.median(air) < -980
    assert phantom.volume.values.min() >= scanner.LOWEST_HU


def test_parts_of_the_liver_lie_in_the_liver(phantom: Phantom) -> None:
    """Each voxel of a tumour or branch has only liver, its parts, and what borders it, as neighbours."""
    organs = phantom.labels.layers[0]
    tumour = phantom.labels.mask("tumour 1")
    around = np.zeros_like(tumour)
    for axis in range(3):
        for step in (-1, 1):
            around |= np.roll(tumour, step, axis)
    assert set(np.unique(organs[around & ~tumour])) <= {LIVER, HEPATIC, PORTAL_BRANCHES}
    parts = {s.name for s in phantom.labels.structures if s.part_of == "liver"}
    assert parts == {"tumour 1", "tumour 2", "hepatic vein", "portal vein branches"}


def test_organs_lie_in_the_body(phantom: Phantom) -> None:
    assert np.all(phantom.labels.mask("body")[phantom.labels.layers[0] > 0])


def test_the_same_seed_gives_the_same_phantom_and_another_gives_another(phantom: Phantom) -> None:
    again, other = make_phantom(COARSE), make_phantom(replace(COARSE, seed=2))
    assert again.volume.source.content_sha256 == phantom.volume.source.content_sha256
    assert np.array_equal(again.labels.layers[0], phantom.labels.layers[0])
    assert not np.array_equal(other.labels.layers[0], phantom.labels.layers[0])


def test_the_image_does_not_depend_on_how_it_is_cut_into_slabs(
    phantom: Phantom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sample_data.phantom.SLAB_VOXELS", 5 * 76 * 76)
    sliced = make_phantom(COARSE)
    assert np.array_equal(sliced.labels.layers[0], phantom.labels.layers[0])
    difference = np.abs(sliced.volume.values.astype(int) - phantom.volume.values)
    assert np.mean(difference > 1) < 1e-3


def test_a_turned_grid_shows_the_same_patient(phantom: Phantom) -> None:
    turned = make_phantom(replace(COARSE, rotation_deg=(10.0, -8.0, 15.0)))
    for name in ("liver", "left kidney", "spleen"):
        assert np.linalg.norm(center_mm(turned, name) - center_mm(phantom, name)) < 2.0


def test_spheres_have_the_volume_of_their_voxels() -> None:
    spec = replace(COARSE, shape=(30, 40, 44), spacing_mm=(1.5, 1.4, 2.0), center_mm=(-75.0, -30.0, 72.0))
    spec = replace(spec, rotation_deg=(12.0, -9.0, 21.0), tumours=(Tumour((-80.0, -25.0, 70.0), 15.0),))
    phantom = make_phantom(spec)
    true = phantom.true_volumes["tumour 1"]
    assert (true.method, true.error_ml) == ("sphere", 0.0)
    assert true.ml == pytest.approx(4 / 3 * np.pi * 15**3 / 1000)
    grid = phantom.labels.grid
    surface_cells = 4 * np.pi * 15**2 / grid.voxel_volume_mm3 ** (2 / 3)
    error = SDS * CELL_SD * np.sqrt(surface_cells) * grid.voxel_volume_ml
    structure = phantom.labels.structure("tumour 1")
    assert abs(phantom.labels.volume_ml(structure) - true.ml) < error < 0.03 * true.ml


def test_integrated_volumes_agree_with_finer_ones_within_the_stated_errors() -> None:
    spec = replace(COARSE, shape=(40, 44, 44), spacing_mm=(5.0, 5.0, 4.0), center_mm=(-60.0, 0.0, 40.0))
    coarse = make_phantom(replace(spec, reference_step_mm=4.1)).true_volumes
    fine = make_phantom(replace(spec, reference_step_mm=2.3)).true_volumes
    for name in ("liver", "right kidney", "aorta", "inferior vena cava", "body"):
        assert abs(coarse[name].ml - fine[name].ml) < coarse[name].error_ml + fine[name].error_ml, name
        assert fine[name].error_ml < coarse[name].error_ml < 0.05 * coarse[name].ml


def test_voxel_volumes_agree_with_the_truth_within_both_errors() -> None:
    phantom = make_phantom(replace(COARSE, reference_step_mm=3.0, noise_hu=0.0))
    ratio = phantom.labels.grid.voxel_volume_ml / (3.0**3 / 1000)
    for name in ("liver", "spleen", "left kidney", "right kidney", "lungs", "body"):
        true = phantom.true_volumes[name]
        voxel_error = true.error_ml * ratio ** (2 / 3)  # an error goes as step^3 * sqrt(step^-2) = step^2
        counted = phantom.labels.volume_ml(phantom.labels.structure(name))
        assert abs(counted - true.ml) < true.error_ml + voxel_error, name


def test_a_tumour_that_leaves_the_field_of_view_has_no_closed_form() -> None:
    spec = replace(COARSE, shape=(20, 20, 20), center_mm=(-50.0, -20.0, 115.0))
    assert "tumour 1" not in make_phantom(spec).analytic_ml


def test_noise_has_the_strength_asked_for_and_falls_off_in_high_tones() -> None:
    noise = scanner.noise(3, 5, (200, 200), (1.0, 1.0), 12.0)
    assert noise.std() == pytest.approx(12.0, rel=1e-4)
    neighbours = np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1]
    assert 0.3 < neighbours < 0.95
    assert not np.array_equal(noise, scanner.noise(3, 6, (200, 200), (1.0, 1.0), 12.0))


def test_a_tilted_gantry_shears_the_slices() -> None:
    grid = replace(FULL, gantry_tilt_deg=20.0).grid()
    normal = np.cross(grid.direction[:, 0], grid.direction[:, 1])
    assert np.degrees(np.arccos(normal @ grid.direction[:, 2])) == pytest.approx(20.0)
    assert np.allclose(grid.center() - FULL.origin_mm, FULL.center_mm)


@pytest.mark.parametrize("axes", ["LPX", "LRS", "LP", "LLS"])
def test_axes_that_do_not_span_space_are_refused(axes: str) -> None:
    with pytest.raises(InputError, match="three directions"):
        PhantomSpec(axes=axes)


def test_it_stops_when_asked() -> None:
    with pytest.raises(Cancelled):
        make_phantom(COARSE, Progress(is_cancelled=lambda: True))
