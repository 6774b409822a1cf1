from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segmentation import engine_cache
from segmentation.collection import choose_structures
from segmentation.collection_file import read_collection
from segmentation.infer import Engine
from segmentation.model_folder import read_model_folder
from segmentation.orientation import reorientation_to
from segmentation.run_parts import run_engine
from segmentation.segmenter import UNetSegmenter
from surgtwin.domain.structure_table import match
from surgtwin.domain.volume import Volume
from surgtwin.errors import Cancelled, LabelError, ModelError
from surgtwin.pipeline.ports import Segmentation
from surgtwin.progress import SILENT, Progress
from tests.segmentation.part_models import (
    TOTAL,
    TRAINER,
    edit_json,
    lively_volume,
    write_collection,
    write_part,
    write_total,
)


@pytest.fixture
def two_parts(tmp_path: Path) -> Path:
    """Organs and vessels, numbered 1.. in each."""
    write_part(tmp_path / "set" / "organs", ["liver", "spleen"], 1)
    write_part(tmp_path / "set" / "vessels", ["aorta", "IVC", "odd"], 2)
    parts = [{"folder": "organs"}, {"folder": "vessels", "structures": {"IVC": "inferior vena cava", "aorta": "aorta"}}]
    return write_collection(tmp_path / "set", parts, version="3", modality="CT", licence="CC0")


@pytest.fixture(scope="module")
def total(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_total(tmp_path_factory.mktemp("results"))


def segment(path: Path, volume: Volume | None = None, **options: object) -> Segmentation:
    segmenter = UNetSegmenter(path, classical=False, **options)  # type: ignore[arg-type]
    return segmenter.segment(volume or lively_volume(), SILENT)


def alone(folder: Path, volume: Volume) -> np.ndarray:
    """What a part model finds by itself."""
    return run_engine(Engine(read_model_folder(folder)), [volume], SILENT).labels


def test_parts_share_no_value_and_the_first_keeps_its_voxels(two_parts: Path) -> None:
    volume = lively_volume()
    result = segment(two_parts, volume)
    assert {s.name: s.label for s in result.labels.structures} == {
        "liver": 1, "spleen": 2, "aorta": 3, "inferior vena cava": 4,
    }  # fmt: skip
    organs, vessels = alone(two_parts / "organs", volume), alone(two_parts / "vessels", volume)
    taken = np.choose(vessels, [0, 3, 4, 0])
    np.testing.assert_array_equal(result.labels.layers[0], np.where(organs > 0, organs, taken))
    assert len(np.unique(result.labels.layers[0])) == 5
    both = int(np.count_nonzero((organs > 0) & (taken > 0)))
    assert both and sum(o["voxels"] for o in result.model["overlaps"]) == both
    finding = next(f for f in result.findings if f.code == "overlapping-parts")
    assert finding.numbers["overlap_ml"] == pytest.approx(both * volume.grid.voxel_volume_ml)


def test_a_part_of_higher_priority_keeps_its_voxels(two_parts: Path) -> None:
    first = segment(two_parts).labels.layers[0]
    write_collection(two_parts, [{"folder": "organs"}, {"folder": "vessels", "structures": ["aorta"], "priority": 2}])
    volume = lively_volume()
    second = segment(two_parts, volume).labels.layers[0]
    aorta = alone(two_parts / "vessels", volume) == 1
    np.testing.assert_array_equal(second == 3, aorta)
    assert np.count_nonzero(first == 3) < np.count_nonzero(aorta)


def test_provenance_names_every_part_and_its_hash(two_parts: Path) -> None:
    result = segment(two_parts)
    parts = {p["name"]: p["sha256"] for p in result.model["parts"]}
    assert parts == {name: read_model_folder(two_parts / name).sha256() for name in ("organs", "vessels")}
    assert result.model["sha256"] == read_collection(two_parts).sha256() not in parts.values()
    assert result.methods["aorta"] == "network set 3, part vessels" and result.model["licence"] == "CC0"


def test_totalsegmentators_layout_gives_its_117_structures(total: Path) -> None:
    collection = read_collection(total)
    given = [name for names in TOTAL.values() for name in names]
    assert len(given) == 117 and [row.given for row in collection.labels] == given
    assert [row.value for row in collection.labels] == list(range(1, 118))
    assert all(row.is_known for row in collection.labels) and len({row.name for row in collection.labels}) == 117
    assert {part.model.orientation for part in collection.parts} == {"RAS"} and collection.modality == "CT"
    sides = {row.given: match(row.name).laterality for row in collection.labels}  # type: ignore[union-attr]
    for name, side in sides.items():
        told = {"left": "Left", "right": "Right"}.get(next((w for w in name.split("_") if w in ("left", "right")), ""))
        assert (side.meaning if side else None) == told, name


def test_later_parts_of_totalsegmentator_win_as_they_do_there(total: Path) -> None:
    volume = lively_volume()
    start, expected = 0, np.zeros(volume.grid.shape, np.uint8)
    for dataset, names in TOTAL.items():
        labels = alone(total / dataset / TRAINER, volume)
        expected[labels > 0] = labels[labels > 0] + start
        start += len(names)
    found = segment(total, volume)
    np.testing.assert_array_equal(found.labels.layers[0], expected)
    assert len(found.labels.structures) == 117 and len(found.model["parts"]) == 5
    assert "unknown-orientation" not in {f.code for f in found.findings}


def test_a_flipped_patient_gets_flipped_labels(total: Path) -> None:
    """The parts know RAS only: an image stored in any other way must reach them turned."""
    volume = lively_volume()
    turn = reorientation_to("RAS", volume.grid.direction)
    assert any(turn.reversed_axes)
    names = next(iter(TOTAL))
    engine = Engine(read_model_folder(total / names / TRAINER))
    i, j, k = volume.grid.spacing
    direct = engine.predict([turn.apply(volume.values)], turn.apply_to_spacing((k, j, i))).labels
    np.testing.assert_array_equal(alone(total / names / TRAINER, volume), turn.undo(direct))


def test_only_parts_that_hold_what_was_asked_for_are_loaded(total: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []

    def engine(model, settings):
        loaded.append(model.path.parent.name)
        return Engine(model, settings)

    monkeypatch.setattr(engine_cache, "Engine", engine)
    volume = lively_volume()
    result = segment(total, volume, structures=["Liver", "kidney_left"])
    assert loaded == [next(iter(TOTAL))]
    assert {s.name: s.label for s in result.labels.structures} == {"left kidney": 3, "liver": 5}
    own = alone(total / loaded[0] / TRAINER, volume)
    np.testing.assert_array_equal(result.labels.layers[0], np.where(np.isin(own, (3, 5)), own, 0))
    assert [part["name"] for part in result.model["parts"]] == [f"{loaded[0]}/{TRAINER}"]


def test_structures_are_found_by_any_name_the_table_knows(total: Path) -> None:
    collection = read_collection(total)
    assert choose_structures(collection, ["left kidney", "IVC", "rib_left_1"]) == (
        "left kidney", "inferior vena cava", "rib_left_1",
    )  # fmt: skip
    assert choose_structures(collection, ["body", "liver"], ["body"]) == ("liver", "body")
    with pytest.raises(LabelError, match="no structure 'tail'; there are: spleen"):
        choose_structures(collection, ["liver", "tail"])
    with pytest.raises(LabelError, match="No structure"):
        choose_structures(collection, [])


def test_body_alone_runs_no_network(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_cache, "Engine", None)
    volume = lively_volume()
    result = UNetSegmenter(model_folder, structures=["body"]).segment(volume, SILENT)
    assert result.model == {} and not result.labels.layers[0].any()
    assert {s.name for s in result.labels.structures} <= {"body"}


def test_one_progress_for_all_parts(two_parts: Path) -> None:
    seen: list[tuple[float, str]] = []
    UNetSegmenter(two_parts, classical=False).segment(lively_volume(), Progress(lambda f, s: seen.append((f, s))))
    fractions = [f for f, _ in seen]
    assert fractions == sorted(fractions) and fractions[-1] > 0.9
    with pytest.raises(Cancelled):
        UNetSegmenter(two_parts).segment(lively_volume(), Progress(None, lambda: True))


def test_a_family_that_is_not_whole_is_a_collection_of_what_is_there(total: Path, tmp_path: Path) -> None:
    for name in list(TOTAL)[1::2]:
        write_part(tmp_path / name / TRAINER, ["heart" if "292" in name else "aorta"], 3)
    assert [row.name for row in read_collection(tmp_path).labels] == ["heart", "aorta"]


def test_a_part_may_be_a_model_of_the_library(two_parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segmentation.collection_file.find_model", lambda name: two_parts / name)
    mixed = write_collection(tmp_path / "mixed", [{"model": "organs"}, {"model": "vessels", "structures": ["aorta"]}])
    assert [row.name for row in read_collection(mixed).labels] == ["liver", "spleen", "aorta"]


def test_the_parts_own_orientation_goes_before_the_collections(two_parts: Path) -> None:
    edit_json(two_parts / "organs" / "dataset.json", drop=("image_orientation",))
    edit_json(two_parts / "collection.json", orientation="RAS")
    assert [p.model.orientation for p in read_collection(two_parts).parts] == ["RAS", "LPS"]
    edit_json(two_parts / "collection.json", orientation="RAX")
    with pytest.raises(ModelError, match="RAX"):
        read_collection(two_parts)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 2}, "format 2"),
        ({"parts": []}, "0 parts"),
        ({"parts": 3}, "malformed"),
        ({"parts": ["organs"]}, "malformed|needs a"),
        ({"parts": [{}]}, "needs a"),
        ({"parts": [{"folder": "organs", "model": "ct_abdomen"}]}, "needs a"),
        ({"parts": [{"folder": "../set/organs"}]}, "inside"),
        ({"parts": [{"folder": "/etc"}]}, "inside"),
        ({"parts": [{"folder": "."}]}, "inside"),
        ({"parts": [{"folder": "kidneys"}]}, "kidneys, which is not there"),
        ({"parts": [{"folder": "organs"}, {"folder": "organs"}]}, "liver is given by organs and by organs"),
        ({"parts": [{"folder": "organs", "structures": ["lung"]}]}, "no lung; it has: liver, spleen"),
        ({"parts": [{"folder": "organs", "priority": "high"}]}, "malformed"),
        ({"parts": [{"model": "nowhere"}]}, "no model 'nowhere'"),
    ],
)
def test_a_wrong_collection_is_one_model_error(two_parts: Path, changes: dict[str, object], said: str) -> None:
    edit_json(two_parts / "collection.json", **changes)
    with pytest.raises(ModelError, match=said):
        read_collection(two_parts)


def test_a_part_that_is_a_link_out_of_the_collection_is_refused(two_parts: Path, tmp_path: Path) -> None:
    outside = write_part(tmp_path / "outside", ["lung"], 4)
    (two_parts / "linked").symlink_to(outside)
    edit_json(two_parts / "collection.json", parts=[{"folder": "linked"}])
    with pytest.raises(ModelError, match="link"):
        read_collection(two_parts)


def test_a_model_without_orientation_is_warned_of(model_folder: Path) -> None:
    edit_json(model_folder / "dataset.json", drop=("image_orientation",))
    finding = next(f for f in segment(model_folder).findings if f.code == "unknown-orientation")
    assert lively_volume().grid.axis_codes in finding.message
