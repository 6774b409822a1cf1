from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

from segmentation.model_folder import load_networks, read_model_folder
from segmentation.network import PlainConvUNet
from segmentation.plans import read_channels, read_labels, read_plan, resolve_configuration
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

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


@pytest.mark.parametrize("is_zip", [True, False])
def test_a_checkpoint_that_runs_code_is_refused_and_runs_nothing(
    model_folder: Path, tmp_path: Path, is_zip: bool
) -> None:
    witness = tmp_path / "it ran"
    content = {"network_weights": {}, "logging": Runs(f'mkdir "{witness}"')}
    checkpoint = model_folder / "fold_0" / "checkpoint_final.pth"
    torch.save(content, checkpoint, _use_new_zipfile_serialization=is_zip)
    with pytest.raises(ModelError, match="could run code"):
        read_model_folder(model_folder)
    assert not witness.exists()
    if is_zip:
        torch.load(checkpoint, weights_only=False)
        assert witness.exists(), "the checkpoint of this test is hostile indeed"


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 truncated", b"broken", b"\x80\x02K\x01."])
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


@pytest.mark.parametrize(
    "name", ["nnUNetTrainer_probabilisticUMamba", "nnUNetTrainerSegResNet", "nnUNetTrainerPrimus", "nnUNetTrainerReLU"]
)
def test_trainers_of_other_networks_are_refused_by_name(model_folder: Path, name: str) -> None:
    checkpoint = model_folder / "fold_0" / "checkpoint_final.pth"
    torch.save({**torch.load(checkpoint, weights_only=True), "trainer_name": name}, checkpoint)
    with pytest.raises(ModelError, match=name):
        read_model_folder(model_folder)


@pytest.mark.parametrize("trainer", ["nnUNetTrainerNoMirroring", "nnUNetTrainer_4000epochs", "nnUNetTrainerDA5"])
def test_a_trainer_that_only_trains_otherwise_is_fine(model_folder: Path, trainer: str) -> None:
    checkpoint = model_folder / "fold_0" / "checkpoint_final.pth"
    torch.save({**torch.load(checkpoint, weights_only=True), "trainer_name": trainer}, checkpoint)
    assert read_model_folder(model_folder).name == "tiny"


def test_an_orientation_must_name_three_axes(model_folder: Path) -> None:
    edit(model_folder, "dataset.json", image_orientation="LRS")
    with pytest.raises(ModelError, match="LRS"):
        read_model_folder(model_folder)


def test_fold_all_goes_before_single_folds(model_folder: Path) -> None:
    (model_folder / "fold_all").mkdir()
    checkpoint = model_folder / "fold_0" / "checkpoint_final.pth"
    (model_folder / "fold_all" / checkpoint.name).write_bytes(checkpoint.read_bytes())
    assert [f.parent.name for f in read_model_folder(model_folder).folds] == ["fold_all"]


def test_every_fold_of_a_persons_own_split_is_found_in_order(model_folder: Path) -> None:
    checkpoint = model_folder / "fold_0" / "checkpoint_final.pth"
    for name in ("fold_10", "fold_6", "fold_x"):
        (model_folder / name).mkdir()
        (model_folder / name / checkpoint.name).write_bytes(checkpoint.read_bytes())
    (model_folder / "fold_3").mkdir()
    assert [f.parent.name for f in read_model_folder(model_folder).folds] == ["fold_0", "fold_6", "fold_10"]


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_weights_of_a_wrapped_or_compiled_network_are_those_of_the_network(model_folder: Path, prefix: str) -> None:
    (plain,) = load_networks(read_model_folder(model_folder), torch.device("cpu"))
    checkpoint = model_folder / "fold_0" / "checkpoint_final.pth"
    content = torch.load(checkpoint, weights_only=True)
    content["network_weights"] = {prefix + name: value for name, value in content["network_weights"].items()}
    torch.save(content, checkpoint)
    (wrapped,) = load_networks(read_model_folder(model_folder), torch.device("cpu"))
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(wrapped.state_dict()[name], value, rtol=0, atol=0)


def test_channels_are_read_by_number_from_old_and_new_datasets(model_folder: Path) -> None:
    names = {str(n): f"sequence {n}" for n in range(11)}
    assert read_channels({"channel_names": dict(sorted(names.items()))}) == tuple(names.values())
    dataset = json.loads((model_folder / "dataset.json").read_text())
    del dataset["channel_names"]
    (model_folder / "dataset.json").write_text(json.dumps({**dataset, "modality": {"0": "CT"}}))
    model = read_model_folder(model_folder)
    assert model.channel_names == ("CT",) and model.modality == "CT"
    (model_folder / "dataset.json").write_text(json.dumps({**dataset, "channel_names": {"first": "CT"}}))
    with pytest.raises(ModelError, match="malformed"):
        read_model_folder(model_folder)


def test_totalsegmentators_images_ran_ras(model_folder: Path) -> None:
    dataset = json.loads((model_folder / "dataset.json").read_text())
    del dataset["image_orientation"]
    (model_folder / "dataset.json").write_text(json.dumps(dataset))
    edit(model_folder, "plans.json", dataset_name="Dataset850_TotalSegMRI_part1_organs_1088subj")
    assert read_model_folder(model_folder).orientation == "RAS"
    edit(model_folder, "plans.json", dataset_name="Dataset850_Other")
    assert read_model_folder(model_folder).orientation == ""


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


def test_a_cascade_without_its_first_stage_is_refused(model_folder: Path) -> None:
    plans = json.loads((model_folder / "plans.json").read_text())
    plans["configurations"]["3d_fullres"]["previous_stage"] = "3d_lowres"
    edit(model_folder, "plans.json", configurations=plans["configurations"])
    with pytest.raises(ModelError, match="first stage was not found"):
        read_model_folder(model_folder)


def test_two_numbers_for_a_network_of_three_dimensions_are_refused(model_folder: Path) -> None:
    plans, dataset = (json.loads((model_folder / f).read_text()) for f in ("plans.json", "dataset.json"))
    flat = {**plans["configurations"]["3d_fullres"], "spacing": [1.0, 1.0], "patch_size": [8, 8]}
    with pytest.raises(ModelError, match="2 spacings"):
        read_plan({**plans, "configurations": {"2d": flat}}, dataset, "2d")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"spacing": [0, 1, 1]}, "not plausible"),
        ({"spacing": [1e9, 1, 1]}, "not plausible"),
        ({"patch_size": [4096, 4096, 4096]}, "not plausible"),
        ({"patch_size": [7, 16, 12]}, "divisible"),
        ({"normalization_schemes": ["os.system"]}, "os.system"),
        ({"resampling_fn_data": "resample_torch_fornnunet"}, "resample_torch_fornnunet"),
        ({"preprocessor_name": "OtherPreprocessor"}, "OtherPreprocessor"),
    ],
)
def test_plans_that_are_absurd_or_need_other_code_are_refused(
    model_folder: Path, changes: dict[str, object], said: str
) -> None:
    plans = json.loads((model_folder / "plans.json").read_text())
    plans["configurations"]["3d_fullres"].update(changes)
    edit(model_folder, "plans.json", configurations=plans["configurations"])
    with pytest.raises(ModelError, match=said):
        read_model_folder(model_folder)


def test_another_label_manager_is_refused(model_folder: Path) -> None:
    edit(model_folder, "plans.json", label_manager="OtherManager")
    with pytest.raises(ModelError, match="OtherManager"):
        read_model_folder(model_folder)


def test_weights_that_claim_to_be_huge_take_no_memory(model_folder: Path) -> None:
    checkpoint = model_folder / "fold_0" / "checkpoint_final.pth"
    content = torch.load(checkpoint, weights_only=True)
    content["network_weights"]["decoder.seg_layers.0.bias"] = torch.zeros(1).expand(10**12)
    torch.save(content, checkpoint)
    with pytest.raises(ModelError, match="do not fit"):
        load_networks(read_model_folder(model_folder), torch.device("cpu"))


@pytest.mark.parametrize(
    ("plans", "codes"), [({"image_reader_writer": "NibabelIOWithReorient"}, "RAS"), ({"image_reader_writer": "X"}, "")]
)
def test_the_readers_orientation_is_used_where_the_folder_names_none(
    model_folder: Path, plans: dict[str, object], codes: str
) -> None:
    dataset = json.loads((model_folder / "dataset.json").read_text())
    del dataset["image_orientation"]
    (model_folder / "dataset.json").write_text(json.dumps(dataset))
    edit(model_folder, "plans.json", **plans)
    assert read_model_folder(model_folder).orientation == codes


def test_regions_and_ignore_labels() -> None:
    labels = {"background": 0, "whole": [1, 2], "core": 2, "ignore": 3}
    scheme = read_labels({"labels": labels, "regions_class_order": [1, 2]})
    assert scheme.names == {"whole": 1, "core": 2} and scheme.head_count == 2
    with pytest.raises(ModelError, match="regions_class_order"):
        read_labels({"labels": labels})
    assert read_labels({"labels": {"background": 0, "a": [1], "ignore": 2}}).region_order == ()
    with pytest.raises(ModelError, match="gaps"):
        read_labels({"labels": {"background": 0, "a": 1, "b": 3}})


@pytest.mark.parametrize("told", [["stomach"], {"organ": "far"}, {"organ": -1}, {"organ": 0}, {"organ": None}])
def test_a_reach_that_is_no_distance_is_refused(model_folder: Path, told: object) -> None:
    edit(model_folder, "dataset.json", reach_mm=told)
    with pytest.raises(ModelError, match="'reach_mm' must map names of structures to mm"):
        read_model_folder(model_folder)


def test_a_reach_is_read_for_structures_of_the_model(model_folder: Path) -> None:
    edit(model_folder, "dataset.json", reach_mm={"aorta": 40, "heart": 10})
    assert read_model_folder(model_folder).reach_mm == {"aorta": 40.0}
