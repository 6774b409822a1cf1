from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from segmentation.infer import InferenceSettings
from segmentation.model_card import PICTURES_SHOWN, Failure, main, measure, replace_marked, worst_failures, write_card
from segmentation.robustness import variants_for
from segmentation.score_pictures import ContourSlice
from segmentation.training_config import TrainingConfig
from surgtwin.errors import InputError
from tests.segmentation.conftest import make_config


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "cases"
    folder.mkdir(parents=True)
    labels = np.zeros((12, 20, 20), dtype=np.uint8)
    labels[2:9, 5:15, 3:9], labels[3:8, 4:12, 12:18] = 2, 1
    for case in ("c0", "c1"):
        for name, values in (("image", labels.astype(np.int16) * 40), ("labels", labels)):
            image = SimpleITK.GetImageFromArray(values)
            image.SetSpacing((1.5, 1.5, 4.0))
            SimpleITK.WriteImage(image, str(folder / f"{case}_{name}.nii.gz"))
    return tmp_path / "data"


def test_a_card_keeps_its_prose_and_gets_figures_variants_and_outlines(
    tmp_path: Path, model_folder: Path, config: TrainingConfig, data: Path
) -> None:
    card = tmp_path / "card"
    (card / "pictures").mkdir(parents=True)
    (card / "pictures" / "worst_9.png").write_bytes(b"of an earlier run")
    (card / "README.md").write_text("Mine\n<!-- scores:begin -->\nold\n<!-- scores:end -->\nalso mine\n")
    results = measure(model_folder, config, [data], InferenceSettings(device="cpu"), variants_for("CT")[:2])
    write_card(results, model_folder, card)
    text = (card / "README.md").read_text()
    assert text.startswith("Mine\n") and text.endswith("also mine\n") and "old" not in text
    assert "| liver | 1 |" in text and "cases/c1" in text and "cases/c0" not in text
    assert "as they are" in text and "slices twice as thick" in text
    scores = json.loads((card / "scores.json").read_text())
    assert scores["cases"]["cases/c1"]["liver"]["reference_ml"] == pytest.approx(7 * 10 * 6 * 9 / 1000)
    pictures = sorted(path.name for path in (card / "pictures").iterdir())
    assert pictures == [f"worst_{n}.png" for n in range(1, len(results.failures) + 1)] and "worst_9.png" not in pictures
    assert all(f"pictures/{name}" in text and (card / "pictures" / name).stat().st_size < 60_000 for name in pictures)
    write_card(results, model_folder, card)
    assert (card / "README.md").read_text() == text, "a second run changes nothing"


def test_the_command_fills_card_and_readme(
    tmp_path: Path, model_folder: Path, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segmentation.model_card.read_config", lambda _: make_config())
    readme = tmp_path / "README.md"
    marks = "<!-- scores:begin {0} -->\n<!-- scores:end {0} -->\n"
    readme.write_text(marks.format("other") + marks.format("tiny"))
    arguments = [str(model_folder), "config.json", "--data", str(data), "--output", str(tmp_path / "card")]
    arguments += ["--readme", str(readme), "--scores-only", "--device", "cpu"]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "| liver | 1 |" in said and "| images |" not in said
    text = readme.read_text()
    assert text.startswith(marks.format("other")) and "| liver | 1 |" in text.partition("begin tiny")[2]
    assert "| images |" not in (tmp_path / "card" / "README.md").read_text()
    readme.write_text("no marks")
    assert main(arguments) == 3
    assert "scores:begin tiny" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "<!-- scores:begin -->", "<!-- scores:end --><!-- scores:begin -->"])
def test_a_text_without_both_marks_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="scores:begin"):
        replace_marked(text, "figures", Path("README.md"))
    twice = "<!-- scores:begin --><!-- scores:end -->" * 2
    with pytest.raises(InputError, match="once each"):
        replace_marked(twice, "figures", Path("README.md"))


def test_a_held_out_case_that_is_not_there_is_said_first(
    model_folder: Path, config: TrainingConfig, data: Path
) -> None:
    settings = InferenceSettings(device="cpu")
    with pytest.raises(InputError, match="cases/c9 are not in the data"):
        measure(model_folder, replace(config, validation=("cases/c1", "cases/c9")), [data], settings, ())
    with pytest.raises(InputError, match="No case is held out"):
        measure(model_folder, replace(config, validation=()), [data], settings, ())


def test_each_structure_shows_its_worst_case_and_the_worst_come_first() -> None:
    empty = np.zeros((2, 2), bool)
    view = ContourSlice(empty, empty, empty.astype(np.uint8), (1.0, 1.0), ("R", "L", "A", "P"), "axial, k 0")
    failures = [
        Failure(case, f"s{n}", dice + n / 100, view) for case, dice in (("a", 0.8), ("b", 0.3)) for n in range(9)
    ]
    chosen = worst_failures(failures)
    assert [(f.case, f.structure) for f in chosen] == [("b", f"s{n}") for n in range(PICTURES_SHOWN)]
