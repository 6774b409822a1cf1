from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from segmentation.label_names import named_labels
from segmentation.model_library import add_model, describe_model, forget_model, model_names, verify_model
from segmentation.registry import check_shipped_models, find_model
from segmentation.segmenter import UNetSegmenter
from segmentation.user_models import is_model_name, user_models, user_models_folder
from surgtwin.domain.geometry import Grid
from surgtwin.domain.volume import Modality, SourceInfo, Volume
from surgtwin.errors import ModelError
from surgtwin.progress import SILENT
from tests.segmentation.part_models import TRAINER, edit_json, write_collection, write_part, write_total


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SURGTWIN_MODELS", str(tmp_path / "library"))
    return tmp_path / "library"


@pytest.fixture
def zipped(model_folder: Path, tmp_path: Path) -> Path:
    """A zip as people pass them on: Dataset/Trainer__Plans__configuration/..."""
    inner = tmp_path / "to_zip" / "Dataset001" / "nnUNetTrainer__nnUNetPlans__3d_fullres"
    shutil.copytree(model_folder, inner)
    return Path(shutil.make_archive(str(tmp_path / "passed_on"), "zip", tmp_path / "to_zip"))


def files_below(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*")) if folder.exists() else []


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_an_added_model_is_found_by_its_name_and_segments(model_folder: Path, zipped: Path, kind: str) -> None:
    record = add_model(model_folder if kind == "folder" else zipped, "mine")
    assert user_models() == ["mine"] and ("mine", "added") in model_names()
    assert record.licence == "none" and set(record.files) >= {"plans.json", "fold_0/checkpoint_final.pth"}
    shutil.rmtree(model_folder)
    grid = Grid.from_axes((14, 20, 22), (0, 0, 0), np.eye(3), (2.0, 2.0, 3.0))
    values = np.random.default_rng(0).integers(-100, 200, grid.shape).astype(np.int16)
    volume = Volume(grid, values, Modality.CT, SourceInfo("synthetic", "0" * 64))
    result = UNetSegmenter("mine", classical=False).segment(volume, SILENT)
    assert result.model["sha256"] == describe_model("mine").sha256 == verify_model("mine").sha256


def test_a_model_is_described_with_licence_and_labels(model_folder: Path) -> None:
    dataset = json.loads((model_folder / "dataset.json").read_text())
    dataset["labels"] = {"background": 0, "kidney_right": 1, "esophagus": 2, "flux capacitor": 3}
    dataset["licence"] = ""
    (model_folder / "dataset.json").write_text(json.dumps(dataset))
    (model_folder / "LICENSE").write_text("Apache License\n\nVersion 2.0")
    add_model(model_folder, "mine")
    info = describe_model("mine")
    assert info.licence == "Apache License Version 2.0" and info.parts[0].configuration == "3d_fullres"
    assert [(n.value, n.given, n.name, n.is_known) for n in info.labels] == [
        (1, "kidney_right", "right kidney", True),
        (2, "esophagus", "oesophagus", True),
        (3, "flux capacitor", "flux capacitor", False),
    ]


def test_two_labels_of_one_structure_keep_their_own_names() -> None:
    assert [n.name for n in named_labels({"esophagus": 1, "oesophagus": 2})] == ["esophagus", "oesophagus"]


def test_a_name_is_taken_until_it_is_replaced(model_folder: Path) -> None:
    add_model(model_folder, "mine")
    with pytest.raises(ModelError, match="already"):
        add_model(model_folder, "mine")
    before = describe_model("mine").sha256
    content = torch.load(model_folder / "fold_0" / "checkpoint_final.pth", weights_only=True)
    content["network_weights"]["decoder.seg_layers.0.bias"] += 1
    torch.save(content, model_folder / "fold_0" / "checkpoint_final.pth")
    add_model(model_folder, "mine", force=True)
    assert describe_model("mine").sha256 != before
    assert [f.name for f in user_models_folder().iterdir()] == ["mine"]


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "con", "NUL.x", "a b", "x" * 65, "end.", "ct_abdomen"])
def test_names_that_are_none_are_refused(model_folder: Path, name: str) -> None:
    with pytest.raises(ModelError, match="name"):
        add_model(model_folder, name)
    assert name == "ct_abdomen" or not is_model_name(name)


def test_a_refused_model_leaves_nothing_behind(model_folder: Path, library: Path) -> None:
    (model_folder / "fold_0" / "checkpoint_final.pth").write_bytes(b"broken")
    with pytest.raises(ModelError, match="checkpoint"):
        add_model(model_folder, "mine")
    assert files_below(library) == [] and user_models() == []


def test_a_failed_replacement_keeps_the_old_model(model_folder: Path) -> None:
    add_model(model_folder, "mine")
    before = describe_model("mine").sha256
    (model_folder / "plans.json").write_text("{}")
    with pytest.raises(ModelError):
        add_model(model_folder, "mine", force=True)
    assert describe_model("mine").sha256 == before and not verify_model("mine").problems


def test_several_models_need_a_choice(model_folder: Path, tmp_path: Path) -> None:
    for configuration in ("3d_fullres", "2d"):
        shutil.copytree(model_folder, tmp_path / "all" / f"T__P__{configuration}")
    with pytest.raises(ModelError, match="2d, 3d_fullres"):
        add_model(tmp_path / "all", "mine")
    add_model(tmp_path / "all", "mine", configuration="3d_fullres")
    with pytest.raises(ModelError, match=r"no plans\.json"):
        add_model(model_folder / "fold_0", "other")


def test_a_cascade_is_added_with_its_first_stage() -> None:
    cascade = Path(__file__).parent / "fixtures" / "cascade"
    add_model(cascade, "two_stages")
    info = describe_model("two_stages")
    assert info.parts[0].configuration == "3d_cascade_fullres" and not verify_model("two_stages").problems
    assert (find_model("two_stages") / "3d_lowres" / "plans.json").is_file()


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_totalsegmentators_weights_are_added_as_they_come(tmp_path: Path, kind: str) -> None:
    """Five folders in a results folder, beside the 3 mm model that is none of the five."""
    write_total(tmp_path / "results")
    write_part(tmp_path / "results" / "Dataset297_TotalSegmentator_total_3mm_1559subj" / TRAINER, ["liver"], 9)
    source = tmp_path / "results"
    if kind == "zip":
        source = Path(shutil.make_archive(str(tmp_path / "weights"), "zip", source))
    add_model(source, "total")
    info = describe_model("total")
    assert [part.structures for part in info.parts] == [24, 26, 18, 23, 26]
    assert [part.priority for part in info.parts] == [0, 1, 2, 3, 4]
    assert len(info.labels) == 117 and {part.orientation for part in info.parts} == {"RAS"}
    assert info.modality == "CT" and info.licence == "none" and not verify_model("total").problems
    before = info.sha256
    checkpoint = next(find_model("total").glob("Dataset293*/*/fold_0/checkpoint_final.pth"))
    content = torch.load(checkpoint, weights_only=True)
    content["network_weights"]["decoder.seg_layers.0.bias"] += 1
    torch.save(content, checkpoint)
    assert describe_model("total").sha256 != before
    assert any("Dataset293" in problem and "changed" in problem for problem in verify_model("total").problems)
    add_model(source, "coarse", datasets=[297])
    assert [row.name for row in describe_model("coarse").labels] == ["liver"]
    with pytest.raises(ModelError, match="no data set 300; it holds: 291, 292, 293, 294, 295, 297"):
        add_model(source, "none", datasets=[291, 300])


def test_one_of_totalsegmentators_zips_keeps_its_orientation(tmp_path: Path) -> None:
    """Its plans may not name the data set; its folder does."""
    dataset = "Dataset299_body_1559subj"
    folder = write_part(tmp_path / "in" / dataset / TRAINER, ["body_trunc", "body_extremities"], 3)
    edit_json(folder / "dataset.json", drop=("image_orientation", "name"))
    archive = Path(shutil.make_archive(str(tmp_path / dataset), "zip", tmp_path / "in"))
    add_model(archive, "body")
    info = describe_model("body")
    assert info.parts[0].orientation == "RAS" and info.title == dataset
    for place in (folder, folder.parent, tmp_path / "in"):
        assert describe_model(str(place)).parts[0].orientation == "RAS"


def test_a_described_collection_is_added_with_only_its_parts(tmp_path: Path) -> None:
    root = tmp_path / "set"
    write_part(root / "organs", ["liver", "spleen"], 1, licence="")
    write_part(root / "unused", ["aorta"], 2)
    write_collection(root, [{"folder": "organs", "structures": {"liver": "right kidney"}}], modality="CT")
    (root / "LICENSE").write_text("Free for all")
    (root / "organs" / "notes.pkl").write_bytes(b"x")
    record = add_model(root, "mine")
    assert set(record.files) == {
        "collection.json", "LICENSE", "organs/plans.json", "organs/dataset.json", "organs/fold_0/checkpoint_final.pth",
    }  # fmt: skip
    info = describe_model("mine")
    assert [(n.value, n.given, n.name) for n in info.labels] == [(1, "liver", "right kidney")]
    assert info.licence == "Free for all" and info.title == "set"
    with pytest.raises(ModelError, match="says all that by itself"):
        add_model(root, "other", orientation="RAS")
    write_collection(root, [{"folder": "../organs"}])
    with pytest.raises(ModelError, match="inside"):
        add_model(root, "other")
    write_collection(root, [{"folder": "organs"}, {"folder": "gone"}])
    with pytest.raises(ModelError, match="gone, which set does not hold"):
        add_model(root, "other")


def test_an_orientation_that_the_model_does_not_state_is_given_when_it_is_added(model_folder: Path) -> None:
    edit_json(model_folder / "dataset.json", drop=("image_orientation",))
    add_model(model_folder, "plain")
    assert describe_model("plain").parts[0].orientation == ""
    add_model(model_folder, "turned", orientation="RAS")
    info = describe_model("turned")
    assert info.parts[0].orientation == "RAS" and info.title == "tiny" and info.sha256 != describe_model("plain").sha256
    edit_json(model_folder / "dataset.json", image_orientation="LPS")
    with pytest.raises(ModelError, match="orientation LPS, not RAS"):
        add_model(model_folder, "wrong", orientation="RAS")
    with pytest.raises(ModelError, match="'up'"):
        add_model(model_folder, "wrong", orientation="up")


def test_an_exported_zip_with_all_its_extras_is_added(model_folder: Path, tmp_path: Path) -> None:
    """What nnUNetv2_export_model_to_zip puts beside the model; pickles among it are never touched."""
    inner = tmp_path / "all" / "Dataset004_Hippocampus"
    shutil.copytree(model_folder, inner / "nnUNetTrainer__nnUNetPlans__3d_fullres")
    trained = inner / "nnUNetTrainer__nnUNetPlans__3d_fullres"
    extras = ["dataset_fingerprint.json", "fold_0/progress.png", "fold_0/debug.json", "fold_0/checkpoint_best.pth"]
    for extra in [*extras, "crossval_results_folds_0/postprocessing.pkl", "fold_0/validation/summary.json"]:
        (trained / extra).parent.mkdir(exist_ok=True)
        (trained / extra).write_bytes(b"x")
    (inner / "inference_instructions.txt").write_text("run it")
    archive = Path(shutil.make_archive(str(tmp_path / "exported"), "zip", tmp_path / "all"))
    record = add_model(archive, "exported")
    assert set(record.files) == {"dataset.json", "plans.json", "fold_0/checkpoint_final.pth"}


def test_what_changed_since_it_was_added_is_said(model_folder: Path) -> None:
    add_model(model_folder, "mine")
    assert verify_model("mine").problems == ()
    folder = find_model("mine")
    (folder / "dataset.json").write_text((folder / "dataset.json").read_text() + " ")
    (folder / "extra").write_text("")
    (folder / "plans.json").unlink()
    problems = " ".join(verify_model("mine").problems)
    for said in ("plans.json is missing", "extra was not there", "dataset.json has changed"):
        assert said in problems


def test_a_removed_model_is_gone_and_a_shipped_one_stays(model_folder: Path, library: Path) -> None:
    add_model(model_folder, "mine")
    forget_model("mine")
    assert files_below(library) == []
    with pytest.raises(ModelError, match="no added model"):
        forget_model("mine")
    with pytest.raises(ModelError, match="shipped"):
        forget_model("ct_abdomen")
    with pytest.raises(ModelError, match="no model"):
        verify_model("mine")


def test_a_damaged_record_is_one_model_error(model_folder: Path, library: Path) -> None:
    add_model(model_folder, "mine")
    (library / "mine" / "record.json").write_text("{")
    with pytest.raises(ModelError, match="record"):
        describe_model("mine")


def test_shipped_models_are_named_for_the_doctor() -> None:
    assert all(isinstance(text, str) for text in check_shipped_models())
