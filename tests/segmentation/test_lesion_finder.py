"""Lesions as proposals: looked for in the liver only, in the patient's frame whatever the grid, never as facts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from segmentation.infer import InferenceSettings
from segmentation.lesion_finder import (
    LESION_MODEL,
    LesionFinder,
    liver_of,
    others_in_layer,
    search_region,
)
from segmentation.lesion_proposals import add_liver_lesions, with_liver_lesions
from segmentation.package import ModelFacts, write_model_folder
from segmentation.proposals import PROPOSAL_CODE, is_proposal, proposed_names
from surgtwin.domain.finding import Severity
from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.structure_table import structure_for
from surgtwin.domain.twin import Twin
from surgtwin.domain.volume import Modality, SourceInfo, Volume
from surgtwin.errors import LabelError, ModelError
from surgtwin.pipeline.build_twin import build_twin
from surgtwin.pipeline.ports import Segmentation
from surgtwin.progress import SILENT, Progress
from tests.conftest import all_orientations, rotation

from .conftest import INTENSITY, make_config

LIVER_HU, LESION_HU = 110.0, 50.0
LIVER_LPS, LIVER_MM = np.array([-60.0, -10.0, 40.0]), 48.0
LESION_LPS, LESION_MM = np.array([-75.0, -20.0, 55.0]), 10.0
OUTSIDE_LPS = np.array([40.0, 10.0, 20.0])
CPU = InferenceSettings(device="cpu")


@pytest.fixture
def lesion_model(tmp_path: Path) -> Path:
    """A model folder of the right labels with random weights."""
    import torch

    from segmentation.network import PlainConvUNet, initialise_weights

    config = make_config(labels={"background": 0, "liver": 1, "liver lesion": 2}, name="tiny_lesions")
    torch.manual_seed(3)
    network = PlainConvUNet(config.architecture)
    initialise_weights(network)
    return write_model_folder(network, config, INTENSITY, ModelFacts("0.1", "none"), tmp_path / "tiny_lesions")


class DarkFinder(LesionFinder):
    """Everything around, but for the network: dark tissue is lesion."""

    def _in_box(
        self, values: npt.NDArray[np.float32], spacing: tuple[float, float, float], progress: Progress
    ) -> npt.NDArray[np.float32]:
        dark = (values > 20) & (values < 80)
        return np.where(dark, np.float32(0.95), np.float32(0.02))


def grid_of(direction: np.ndarray, spacing: tuple[float, float, float] = (2.0, 2.5, 3.5)) -> Grid:
    """Around the whole scene, whatever the axes' order."""
    size = np.ceil(np.abs(np.linalg.inv(direction)) @ np.array([190.0, 150.0, 170.0]) / spacing).astype(int)
    middle = np.array([-30.0, -5.0, 40.0])
    origin = middle - direction @ ((size - 1) / 2 * spacing)
    return Grid.from_axes((int(size[2]), int(size[1]), int(size[0])), origin, direction, spacing)


def scene(grid: Grid) -> tuple[Volume, LabelMap]:
    """A ball of liver with a dark ball inside, another dark ball outside; kidney, of liver's brightness."""
    kji = np.indices(grid.shape).reshape(3, -1).T
    points = grid.to_lps(kji[:, ::-1])
    values = np.full(len(points), -100.0, dtype=np.float32)
    labels = np.zeros(len(points), dtype=np.uint8)

    def within(centre: np.ndarray, radius: float) -> np.ndarray:
        return np.linalg.norm(points - centre, axis=1) < radius

    labels[within(LIVER_LPS, LIVER_MM)] = 6
    labels[within(OUTSIDE_LPS, 18.0)] = 2
    values[labels > 0] = LIVER_HU
    values[within(LESION_LPS, LESION_MM) | within(OUTSIDE_LPS, LESION_MM)] = LESION_HU
    source = SourceInfo(kind="synthetic", content_sha256="0" * 64)
    volume = Volume(grid, values.reshape(grid.shape), Modality.CT, source)
    names = (structure_for(6, "liver", origin="network"), structure_for(2, "right kidney", origin="network"))
    return volume, LabelMap(grid, (labels.reshape(grid.shape),), names)


@pytest.mark.parametrize("direction", [*all_orientations()[::5], rotation((12.0, -7.0, 20.0))])
def test_a_lesion_is_found_at_its_place_in_the_patient_on_any_grid(direction: np.ndarray, lesion_model: Path) -> None:
    volume, organs = scene(grid_of(direction))
    result = DarkFinder(lesion_model, CPU).find(volume, organs)
    assert len(result.lesions) == 1, "the dark ball outside the liver is none"
    lesion = result.lesions[0]
    assert np.linalg.norm(np.array(lesion.centre_mm) - LESION_LPS) < 2.5
    assert lesion.diameter_mm == pytest.approx(2 * LESION_MM, abs=4.0)
    assert lesion.volume_ml == pytest.approx(4 / 3 * np.pi * LESION_MM**3 / 1000, rel=0.12)
    assert result.labels.shape == volume.grid.shape


def test_proposals_join_as_a_layer_of_their_own_and_say_so(lesion_model: Path) -> None:
    volume, organs = scene(grid_of(rotation((5.0, 8.0, -4.0))))
    finder = DarkFinder(lesion_model, CPU)
    before = Segmentation(organs, {"liver": "network x"}, {"name": "x"})
    after = add_liver_lesions(before, volume, finder)
    assert np.array_equal(after.labels.layers[0], organs.layers[0]), "the liver keeps its voxels"
    lesion = after.labels.structure("liver lesion 1")
    assert lesion.layer == 1 and lesion.part_of == "liver" and lesion.origin == "network"
    assert lesion.code is not None and lesion.code.meaning == "Lesion", "a lesion, not yet a tumour"
    assert is_proposal("liver lesion 1", after.methods) and not is_proposal("liver", after.methods)
    assert proposed_names(after.labels.structures, after.methods) == ("liver lesion 1",)
    assert after.methods["liver lesion 1"] == "proposed, to be confirmed by a person: network tiny_lesions 0.1"
    assert after.model["name"] == "x" and after.model["liver_lesions"]["name"] == "tiny_lesions"
    finding = next(f for f in after.findings if f.code == PROPOSAL_CODE)
    assert finding.severity is Severity.WARNING and "confirmed by a person" in finding.message
    assert finding.where_mm == pytest.approx(after.model["liver_lesions"]["lesions"][0]["centre_lps_mm"])
    assert after.labels.with_parts_ml(after.labels.structure("liver")) == pytest.approx(
        organs.volume_ml(organs.structure("liver"))
    ), "no voxel counts twice"
    with pytest.raises(LabelError, match="liver lesion 1"):
        add_liver_lesions(after, volume, finder)


def twin_of(volume: Volume, organs: LabelMap) -> Twin:
    return build_twin(volume, lambda _volume, _progress: Segmentation(organs, {"liver": "given labels"}))


def test_a_twin_gets_its_lesions_once_and_never_loses_an_accepted_one(lesion_model: Path) -> None:
    volume, organs = scene(grid_of(rotation((5.0, 8.0, -4.0)), (3.0, 3.0, 4.0)))
    finder = DarkFinder(lesion_model, CPU)
    bare = twin_of(volume, organs)
    once = with_liver_lesions(bare, finder)
    twice = with_liver_lesions(once, finder)
    for twin in (once, twice):
        assert [s.name for s in twin.structures if s.layer == 1] == ["liver lesion 1"]
        mesh = twin.mesh("liver lesion 1")
        assert mesh is not None and np.linalg.norm(mesh.vertices_mm.mean(axis=0) - LESION_LPS) < 2.0
        assert sum(f.code == PROPOSAL_CODE for f in twin.findings) == 1
    assert "liver lesion 1" not in bare.accepted | twice.accepted
    with pytest.raises(LabelError, match="accepted liver lesion 1"):
        with_liver_lesions(replace(twice, accepted=frozenset({"liver lesion 1"})), finder)


def test_a_clean_liver_gets_a_finding_that_promises_nothing(lesion_model: Path) -> None:
    volume, organs = scene(grid_of(np.eye(3)))
    clean = replace(volume, values=np.where(volume.values == LESION_HU, LIVER_HU, volume.values))
    after = add_liver_lesions(Segmentation(organs), clean, DarkFinder(lesion_model, CPU))
    assert len(after.labels.layers) == 1
    (finding,) = after.findings
    assert finding.code == "no-lesion-proposed" and "does not mean" in finding.message


def test_what_is_no_ct_or_has_no_liver_is_refused(lesion_model: Path) -> None:
    volume, organs = scene(grid_of(np.eye(3)))
    finder = DarkFinder(lesion_model, CPU)
    with pytest.raises(ModelError, match="CT only"):
        finder.find(replace(volume, modality=Modality.MR), organs)
    kidney = LabelMap(volume.grid, (np.where(organs.layers[0] == 2, 2, 0).astype(np.uint8),), organs.structures)
    with pytest.raises(ModelError, match="No liver was found"):
        finder.find(volume, kidney)
    with pytest.raises(ModelError, match="has no liver"):
        liver_of(LabelMap(volume.grid, kidney.layers, (organs.structures[1],)))


def test_a_model_without_lesions_is_refused(model_folder: Path) -> None:
    with pytest.raises(ModelError, match="'liver lesion' is needed"):
        LesionFinder(model_folder, CPU)


def test_the_liver_is_known_by_any_of_its_names() -> None:
    grid = Grid.from_axes((2, 2, 2), np.zeros(3), np.eye(3), (1.0, 1.0, 1.0))
    layer = np.full(grid.shape, 5, dtype=np.uint8)
    assert liver_of(LabelMap(grid, (layer,), (structure_for(5, "Liver"),))).label == 5


def test_the_region_closes_dents_and_holes_but_not_over_other_organs() -> None:
    spacing = (3.0, 2.0, 2.0)
    k, j, i = (np.arange(n) * s for n, s in zip((40, 60, 60), spacing, strict=True))
    r = np.sqrt((k - 58)[:, None, None] ** 2 + (j - 58)[None, :, None] ** 2 + (i - 58)[None, None, :] ** 2)
    liver = r < 45
    hole = liver.copy()
    hole[18:22, 28:32, 28:32] = False
    dent = hole.copy()
    dent[18:21, 27:32, :12] = False
    region = search_region(dent, None, spacing)
    assert (region & liver).sum() >= 0.995 * liver.sum()
    assert not region[r > 48].any()
    gallbladder = np.zeros_like(liver)
    gallbladder[18:21, 27:32, :12] = True
    assert not (search_region(dent, ~gallbladder, spacing) & gallbladder).any()


def test_parts_of_the_liver_in_its_layer_are_searched_too() -> None:
    grid = Grid.from_axes((1, 1, 4), np.zeros(3), np.eye(3), (1.0, 1.0, 1.0))
    layer = np.array([[[6, 14, 2, 0]]], dtype=np.uint8)
    names = (structure_for(6, "liver"), structure_for(14, "liver tumour"), structure_for(2, "right kidney"))
    organs = LabelMap(grid, (layer,), names)
    assert others_in_layer(organs, liver_of(organs)).tolist() == [[[False, False, True, False]]]


def test_the_networks_probability_lies_on_the_images_grid(lesion_model: Path) -> None:
    volume, organs = scene(grid_of(all_orientations()[7], (3.0, 4.0, 5.0)))
    liver = organs.mask("liver")
    finder = LesionFinder(lesion_model, CPU)
    probability, region = finder.probability(volume.values, volume.grid, liver, None, SILENT)
    assert probability.shape == volume.grid.shape and region.shape == volume.grid.shape
    assert probability.min() >= 0.0 and probability.max() <= 1.0 and probability[liver].std() > 0
    assert (region & liver).sum() == liver.sum()


@pytest.mark.slow
@pytest.mark.skipif(not LESION_MODEL.is_dir(), reason="the lesion model is not in the box")
def test_the_shipped_model_finds_the_phantoms_tumours_on_the_right() -> None:
    from sample_data.phantom import PhantomSpec, make_phantom

    phantom = make_phantom(PhantomSpec(seed=7, shape=(70, 150, 150), spacing_mm=(2.4, 2.4, 4.0)))
    result = LesionFinder(settings=CPU).find(phantom.volume, phantom.labels)
    truth = [phantom.labels.mask(f"tumour {n}") for n in (1, 2)]
    labels = result.labels
    for mask in truth:
        assert (labels[mask] > 0).mean() > 0.5
    assert len(result.lesions) <= 4
    assert result.lesions[0].centre_mm[0] < phantom.spec.origin_mm[0] - 20, "in the patient's right half"
