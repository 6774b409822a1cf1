from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

from segmentation.model_folder import load_networks, read_model_folder
from segmentation.network import PlainConvUNet
from segmentation.plans import read_architecture, read_labels, read_plan, resolve_configuration
from surgtwin.errors import ModelError


def edit(folder: Path, file: str, **changes: object) -> None:
    path = folder / file
    content = json.loads(path.read_text())
    content.update(changes)
    path.write_text(json.dumps(content))


def test_a_written_folder_reads_back(model_folder: Path, network: PlainConvUNet) -> None:
    model = read_model_folder(model_folder)
    assert model.name == "tiny" and model.modality == "CT" and model.orientation == "LPS"
    assert model.labels.names == {"spleen": 1, "liver": 2, "aorta": 3}
    assert model.plan.patch == (8, 16, 12) and model.plan.architecture == network.arch
    loaded = load_networks(model, torch.device("cpu"))[0]
    for name, value in network.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], value, rtol=1e-3, atol=1e-6)


def test_weights_are_stored_once_and_in_half_precision(model_folder: Path) -> None:
    model = read_model_folder(model_folder)
    weights = torch.load(model.folds[0], weights_only=True)["network_weights"]
    first = weights["encoder.stages.0.0.convs.0.conv.weight"]
    assert first.dtype == torch.float16
    assert first.data_ptr() == weights["decoder.encoder.stages.0.0.convs.0.all_modules.0.weight"].data_ptr()


def test_the_hash_changes_with_the_weights(model_folder: Path) -> None:
    before = read_model_folder(model_folder).sha256()
    checkpoint = model_folder / "fold_0" / "checkpoint_final.pth"
    content = torch.load(checkpoint, weights_only=True)
    content["network_weights"]["decoder.seg_layers.0.bias"] += 1
    torch.save(content, checkpoint)
    assert read_model_folder(model_folder).sha256() != before


class Runs:
    """What a hostile checkpoint holds: unpickling it would run a command."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("echo hostile",)


def test_a_checkpoint_that_runs_code_is_refused(model_folder: Path) -> None:
    torch.save({"network_weights": {}, "logging": Runs()}, model_folder / "fold_0" / "checkpoint_final.pth")
    with pytest.raises(ModelError, match="could run code"):
        read_model_folder(model_folder)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 truncated"])
def test_a_broken_checkpoint_is_one_model_error(model_folder: Path, content: bytes) -> None:
    (model_folder / "fold_0" / "checkpoint_final.pth").write_bytes(content)
    with pytest.raises(ModelError, match="checkpoint_final"):
        read_model_folder(model_folder)


def test_weights_of_another_network_are_refused(model_folder: Path) -> None:
    checkpoint = model_folder / "fold_0" / "checkpoint_final.pth"
    content = torch.load(checkpoint, weights_only=True)
    del content["network_weights"]["decoder.seg_layers.0.bias"]
    torch.save(content, checkpoint)
    with pytest.raises(ModelError, match="do not fit"):
        load_networks(read_model_folder(model_folder), torch.device("cpu"))


@pytest.mark.parametrize("missing", ["dataset.json", "plans.json", "fold_0/checkpoint_final.pth"])
def test_a_missing_file_is_named(model_folder: Path, missing: str) -> None:
    (model_folder / missing).unlink()
    with pytest.raises(ModelError, match=missing.split("/")[-1].split("_")[0]):
        read_model_folder(model_folder)


@pytest.mark.parametrize("text", ["[1, 2]", "{", '{"labels": 3}', "[" * 100_000])
def test_malformed_json_is_one_model_error(model_folder: Path, text: str) -> None:
    (model_folder / "dataset.json").write_text(text)
    with pytest.raises(ModelError):
        read_model_folder(model_folder)


def test_a_trainer_that_changes_the_network_is_refused(model_folder: Path) -> None:
    checkpoint = model_folder / "fold_0" / "checkpoint_final.pth"
    content = torch.load(checkpoint, weights_only=True)
    torch.save({**content, "trainer_name": "nnUNetTrainerBN"}, checkpoint)
    with pytest.raises(ModelError, match="nnUNetTrainerBN"):
        read_model_folder(model_folder)


def test_an_orientation_must_name_three_axes(model_folder: Path) -> None:
    edit(model_folder, "dataset.json", image_orientation="LRS")
    with pytest.raises(ModelError, match="LRS"):
        read_model_folder(model_folder)


def test_fold_all_goes_before_single_folds(model_folder: Path) -> None:
    (model_folder / "fold_all").mkdir()
    checkpoint = model_folder / "fold_0" / "checkpoint_final.pth"
    (model_folder / "fold_all" / checkpoint.name).write_bytes(checkpoint.read_bytes())
    assert [f.parent.name for f in read_model_folder(model_folder).folds] == ["fold_all"]


def test_inherited_values_are_resolved_and_circles_found() -> None:
    plans = {
        "configurations": {
            "a": {"x": 1, "y": 1},
            "b": {"inherits_from": "a", "y": 2},
            "c": {"inherits_from": "d"},
            "d": {"inherits_from": "c"},
        }
    }
    assert resolve_configuration(plans, "b") == {"x": 1, "y": 2, "inherits_from": "a"}
    with pytest.raises(ModelError, match="circle: c -> d -> c"):
        resolve_configuration(plans, "c")
    with pytest.raises(ModelError, match="no configuration e"):
        resolve_configuration(plans, "e")


def test_older_plans_describe_the_same_network() -> None:
    raw = {
        "UNet_class_name": "PlainConvUNet",
        "UNet_base_num_features": 32,
        "unet_max_num_features": 100,
        "n_conv_per_stage_encoder": [2, 2, 2],
        "n_conv_per_stage_decoder": [2, 2],
        "conv_kernel_sizes": [[1, 3, 3], [3, 3, 3], [3, 3, 3]],
        "pool_op_kernel_sizes": [[1, 1, 1], [1, 2, 2], [2, 2, 2]],
    }
    arch = read_architecture(raw, 2, 5)
    assert arch.features == (32, 64, 100) and arch.divisor == (2, 4, 4)
    assert arch.in_channels == 2 and arch.class_count == 5 and arch.encoder_convs == (2, 2, 2)


@pytest.mark.parametrize("name", ["os.system", "monai.networks.nets.SwinUNETR", "ResidualEncoderUNet"])
def test_a_network_outside_the_allow_list_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match="network"):
        read_architecture({"architecture": {"network_class_name": name, "arch_kwargs": {}}}, 1, 2)


def test_two_dimensional_and_cascaded_models_are_refused(model_folder: Path) -> None:
    plans, dataset = (json.loads((model_folder / f).read_text()) for f in ("plans.json", "dataset.json"))
    configuration = plans["configurations"]["3d_fullres"]
    flat = {**configuration, "spacing": [1.0, 1.0], "patch_size": [8, 8]}
    with pytest.raises(ModelError, match="two-dimensional"):
        read_plan({**plans, "configurations": {"2d": flat}}, dataset, "2d")
    with pytest.raises(ModelError, match="cascade"):
        cascaded = {**configuration, "previous_stage": "3d_lowres"}
        read_plan({**plans, "configurations": {"c": cascaded}}, dataset, "c")


def test_regions_and_ignore_labels() -> None:
    labels = {"background": 0, "whole": [1, 2], "core": 2, "ignore": 3}
    scheme = read_labels({"labels": labels, "regions_class_order": [1, 2]})
    assert scheme.names == {"whole": 1, "core": 2} and scheme.head_count == 2
    with pytest.raises(ModelError, match="regions_class_order"):
        read_labels({"labels": labels})
    with pytest.raises(ModelError, match="gaps"):
        read_labels({"labels": {"background": 0, "a": 1, "b": 3}})
