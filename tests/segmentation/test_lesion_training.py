"""The lesion training: what it takes over from the organ model, and that a short run writes a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from segmentation.lesion_training import borrow_layers, train_on_painted_lesions
from segmentation.network import PlainConvUNet, initialise_weights
from segmentation.package import ModelFacts, write_model_folder
from segmentation.training_config import Budget, CaseSource, read_config

from .conftest import INTENSITY, make_config

LESION_LABELS = {"background": 0, "liver": 1, "liver lesion": 2}
CONFIG = Path(__file__).parents[2] / "segmentation/configs/ct_liver_lesions.json"


def network_of(stages: int, seed: int, **changes: object) -> PlainConvUNet:
    config = make_config(
        features=(4, 8, 16, 24)[:stages],
        kernel_sizes=((3, 3, 3),) * stages,
        strides=((1, 1, 1), *((2, 2, 2),) * (stages - 1)),
        patch=(16, 16, 16),
        **changes,
    )
    torch.manual_seed(seed)
    network = PlainConvUNet(config.architecture)
    initialise_weights(network)
    return network


def test_a_smaller_network_takes_the_finest_layers_of_the_donor_but_no_heads() -> None:
    donor, network = network_of(4, 1), network_of(3, 2, labels=LESION_LABELS)
    head = network.decoder.seg_layers[-1].weight.detach().clone()
    assert borrow_layers(network, donor) > 20
    given, taken = donor.state_dict(), network.state_dict()
    for name in ("encoder.stages.0.0.convs.0.conv.weight", "encoder.stages.2.0.convs.0.conv.weight"):
        assert torch.equal(taken[name], given[name])
    assert torch.equal(taken["decoder.stages.1.convs.0.conv.weight"], given["decoder.stages.2.convs.0.conv.weight"]), (
        "the finest decoder stage is the last of both"
    )
    assert torch.equal(taken["decoder.transpconvs.0.weight"], given["decoder.transpconvs.1.weight"])
    assert torch.equal(network.decoder.seg_layers[-1].weight, head)


def write_case(folder: Path, name: str, seed: int) -> None:
    import SimpleITK

    k, j, i = np.ogrid[:24, :40, :40]
    liver = ((k - 12) * 3.0) ** 2 + ((j - 20) * 2.0) ** 2 + ((i - 20) * 2.0) ** 2 < 32.0**2
    noise = np.random.default_rng(seed).normal(0, 8, liver.shape)
    for what, array in (("image", np.where(liver, 110.0, -90.0) + noise), ("labels", liver * 6)):
        image = SimpleITK.GetImageFromArray(array.astype(np.float32 if what == "image" else np.uint8))
        image.SetSpacing((2.0, 2.0, 3.0))
        SimpleITK.WriteImage(image, str(folder / f"{name}_{what}.nii.gz"))


def test_a_short_training_starts_from_the_organ_model_and_writes_a_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "cases").mkdir()
    for n in range(2):
        write_case(tmp_path / "cases", f"c{n}", n)
    organs = make_config()
    organ_model = write_model_folder(
        PlainConvUNet(organs.architecture), organs, INTENSITY, ModelFacts("1", "none"), tmp_path / "organs"
    )
    source = CaseSource("cases", "_image.nii.gz", "_labels.nii.gz", label_values={"liver": [6]})
    config = make_config(
        name="lesions", labels=LESION_LABELS, sources=(source,), validation=("cases/c1",), budget=Budget(iterations=2)
    )
    checkpoint = train_on_painted_lesions(config, [tmp_path], tmp_path / "run", organ_model=organ_model)
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    assert state["iteration"] == 2 and all(bool(torch.isfinite(t).all()) for t in state["average"].values())


def test_the_shipped_configuration_never_trains_on_the_held_out_patients() -> None:
    config = read_config(CONFIG)
    assert set(config.validation) >= {f"ct_abdomen/case{n}" for n in (11, 14, 15, 20)}
    assert config.labels == LESION_LABELS and config.threads == 1
