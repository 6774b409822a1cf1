"""A model may say what it was trained on; an image outside of that is pointed out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from segmentation.model_folder import read_model_folder
from segmentation.registry import SHIPPED
from segmentation.training_domain import TrainingDomain, check_slices, domain_of, training_domain
from surgtwin.domain.geometry import Grid


def test_what_a_dataset_json_says_is_read() -> None:
    told = {"trained_on": {"phase": ["portal venous", "late"], "slice_mm": [1, 5.0]}}
    assert domain_of(told) == TrainingDomain(("portal venous", "late"), (1.0, 5.0))
    assert domain_of({"trained_on": {"phase": "arterial"}}) == TrainingDomain(("arterial",))


MALFORMED = (
    None, 3, [], {"phase": 7, "slice_mm": "5"}, {"slice_mm": [5, 1]}, {"slice_mm": [0, 1]}, {"slice_mm": [True, 2]},
    {"phase": [1]},
)  # fmt: skip


@pytest.mark.parametrize("told", MALFORMED)
def test_what_is_malformed_is_taken_as_not_said(told: object) -> None:
    assert domain_of({"trained_on": told}) == TrainingDomain()
    assert domain_of({}) == TrainingDomain()


def test_several_models_are_trained_on_what_all_of_them_say(model_folder: Path) -> None:
    model = read_model_folder(model_folder)
    path = model_folder / "dataset.json"
    dataset = json.loads(path.read_text())
    path.write_text(json.dumps({**dataset, "trained_on": {"phase": ["portal venous", "late"], "slice_mm": [1, 5]}}))
    assert training_domain([model]) == TrainingDomain(("portal venous", "late"), (1.0, 5.0))
    silent = model_folder.parent / "silent"
    silent.mkdir()
    (silent / "dataset.json").write_text(json.dumps(dataset))
    assert training_domain([model, replace(model, path=silent)]) == TrainingDomain()
    assert training_domain([]) == TrainingDomain()


@pytest.mark.parametrize("row", SHIPPED)
def test_the_models_in_the_box_say_which_slices_they_know(row) -> None:
    domain = training_domain([read_model_folder(row.folder)])
    assert domain.slice_mm is not None and domain.slice_mm[0] >= 1.0
    assert domain.phases == (("portal venous",) if row.modality == "CT" else ())


@pytest.mark.parametrize(("spacing", "slice_mm", "is_thick"), [
    (5.0, (2.0, 5.0), False), (6.0, (2.0, 5.0), False), (8.0, (2.0, 5.0), True), (0.6, (2.0, 5.0), False),
    (8.0, None, False), (12.0, None, True),
])  # fmt: skip
def test_slices_thicker_than_training_are_said(spacing: float, slice_mm, is_thick: bool) -> None:
    grid = Grid.from_axes((10, 20, 20), (5, 6, 7), np.eye(3)[:, [1, 2, 0]], (0.8, spacing, 0.9))
    found = check_slices(grid, TrainingDomain((), slice_mm), "m")
    assert [f.code for f in found] == (["thick-slices"] if is_thick else [])
    assert not found or found[0].numbers["spacing_mm"] == pytest.approx(spacing)
