"""Our engine against nnU-Net's own predictor: fixtures that benchmarks/make_parity_fixtures.py made with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segmentation.backends import OPENVINO, TORCH
from segmentation.infer import Engine, InferenceSettings
from segmentation.model_folder import read_model_folder
from segmentation.openvino_backend import openvino_version

FIXTURES = Path(__file__).parent / "fixtures"
CASES = sorted(f.parent for f in FIXTURES.glob("*/case.npz"))
LEAST_DICE = 0.999


def model_of(case: Path) -> Path:
    """The case's model folder; of a cascade its second stage."""
    folders = sorted(f.parent for f in case.glob("*/plans.json"))
    return next((f for f in folders if "cascade" in f.name), folders[0])


@pytest.mark.parametrize("backend", [TORCH, OPENVINO])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_labels_are_those_of_nnunets_own_predictor(case: Path, backend: str) -> None:
    if backend == OPENVINO and openvino_version() is None:
        pytest.skip("OpenVINO is not installed")
    given = np.load(case / "case.npz")
    engine = Engine(read_model_folder(model_of(case)), InferenceSettings(device="cpu", backend=backend))
    k, j, i = (float(s) for s in given["spacing"])
    found = engine.predict(list(given["image"]), (k, j, i)).labels
    expected = given["prediction"]
    assert found.shape == expected.shape
    structures = [int(v) for v in np.unique(expected) if v]
    assert structures and set(np.unique(found)) <= set(np.unique(expected)) | {0}
    for value in structures:
        a, b = found == value, expected == value
        assert 2 * (a & b).sum() / (a.sum() + b.sum()) >= LEAST_DICE


def test_every_kind_of_model_has_a_case() -> None:
    assert {c.name for c in CASES} >= {
        "plain", "older_plans", "residual_encoder", "older_residual", "transposed", "anisotropic", "thick_image",
        "mirrored", "several_folds", "regions", "ignore_label", "masked", "flat", "flat_transposed", "low_resolution",
        "cascade",
    }  # fmt: skip
