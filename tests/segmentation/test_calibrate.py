"""The fit finds what is known: a temperature that logits were multiplied by, a quantile, a coverage."""

from __future__ import annotations

import re
from pathlib import Path

import nibabel
import numpy as np
import pytest
from scipy import special

from segmentation.calibrate import (
    Pair,
    conformal_quantile,
    expected_calibration_error,
    fit_temperature,
    leave_one_case_out,
    main,
)
from segmentation.calibration import read_calibration
from segmentation.calibration_cases import CalibrationCase, near_structures
from segmentation.confidence import NetworkConfidence
from segmentation.model_folder import read_model_folder
from segmentation.plans import LabelScheme
from surgtwin.errors import InputError

SCHEME = LabelScheme({"a": 1, "b": 2}, (), 3)


def case_of(temperature: float, seed: int = 1, name: str = "one") -> CalibrationCase:
    """Labels drawn from the softmax of logits that were then multiplied by ``temperature``."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(3, 40_000)) * 2
    chances = special.softmax(logits, axis=0)
    truth = (rng.random(40_000) > np.cumsum(chances, axis=0)).sum(axis=0)
    empty = NetworkConfidence(np.zeros((1, 1, 1), np.uint8), (slice(0, 1),) * 3, (1, 1, 1), {})
    given = (logits * temperature).astype(np.float32)
    labels = np.zeros((1, 1, 1), np.uint8)
    return CalibrationCase(name, given, truth, Path(), empty, labels, {}, {}, 1.0, (1.0, 1.0, 1.0))


@pytest.mark.parametrize("temperature", [0.6, 1.0, 1.7])
def test_the_fit_finds_the_temperature_and_takes_the_calibration_error_away(temperature: float) -> None:
    cases = [case_of(temperature, 1), case_of(temperature, 2)]
    found = fit_temperature(cases, SCHEME)
    assert found == pytest.approx(temperature, rel=0.03)
    before = expected_calibration_error(cases, [1.0, 1.0], SCHEME)
    after = expected_calibration_error(cases, [found, found], SCHEME)
    assert after < 0.01 and (temperature == 1.0 or before > 0.05)


def test_the_quantile_is_the_conformal_one() -> None:
    scores = list(range(1, 53))
    assert conformal_quantile(scores) == 48, "the 48th of 52: (52 + 1) x 0.9 rounded up"
    assert conformal_quantile([3.0, 1.0, 2.0]) == 3.0, "too few for the level: the largest"


def test_a_case_is_judged_by_the_others() -> None:
    steady = [Pair(case, f"s{n}", 100.0 + n, 100.0, 10.0) for case in ("a", "b") for n in range(10)]
    strange = [Pair("c", f"s{n}", 150.0, 100.0, 10.0) for n in range(10)]
    coverage, width = leave_one_case_out([*steady, *strange])
    # The strange case lies outside what the steady ones give; the steady ones inside what it gives.
    assert coverage == pytest.approx(20 / 30)
    assert width == pytest.approx((20 * 2 * 0.5 + 10 * 2 * 0.09) / 30)


def test_exchangeable_cases_are_held_as_often_as_the_level_says() -> None:
    rng = np.random.default_rng(8)
    pairs = [
        Pair(f"c{c}", f"s{s}", 100.0 + 10.0 * rng.standard_t(4), 100.0, 10.0) for c in range(20) for s in range(13)
    ]
    coverage, _ = leave_one_case_out(pairs)
    assert 0.85 < coverage < 0.95


def test_samples_lie_in_or_beside_a_structure_of_either_map() -> None:
    truth, found = np.zeros((12, 12, 12), np.uint8), np.zeros((12, 12, 12), np.uint8)
    truth[2, 2, 2], found[9, 9, 9] = 1, 2
    near = np.zeros(truth.shape, bool)
    near[near_structures(truth, found)] = True
    distance = np.abs(np.indices(truth.shape).T[..., ::-1] - 2).sum(-1).transpose(2, 1, 0)
    assert near[2, 2, 4] and near[9, 8, 8] and not near[2, 2, 5] and not near[6, 6, 6]
    assert near.sum() == 2 * np.count_nonzero(np.abs(np.indices((5, 5, 5)) - 2).sum(0) <= 2) and distance.min() == 0


def write_case(folder: Path, name: str, seed: int) -> None:
    """An image of noise in blocks and labels by its values, on an anisotropic grid whose axes run RAS."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(60, 60, (6, 6, 5))
    values = np.kron(coarse, np.ones((4, 4, 3))).astype(np.float32)
    labels = np.digitize(values, (0, 60, 120)).astype(np.uint8)
    affine = np.diag([-2.0, 2.0, 3.0, 1.0])
    affine[:3, 3] = (17.0, -40.0, 5.0)
    nibabel.save(nibabel.Nifti1Image(values, affine), folder / f"{name}_image.nii.gz")
    nibabel.save(nibabel.Nifti1Image(labels, affine), folder / f"{name}_labels.nii.gz")


CONFIG = """{
 "name": "tiny", "modality": "CT", "labels": {"background": 0, "spleen": 1, "liver": 2, "aorta": 3},
 "sources": [{"folder": "cases", "image_suffix": "_image.nii.gz", "label_suffix": "_labels.nii.gz"}],
 "validation": %s, "spacing_mm": [3.0, 2.0, 2.0], "patch": [8, 16, 12], "features": [4, 8],
 "kernel_sizes": [[1, 3, 3], [3, 3, 3]], "strides": [[1, 1, 1], [2, 2, 2]], "convs": 1,
 "budget": {"iterations": 4}, "value_range": [-125.0, 275.0]
}"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "cases"
    folder.mkdir(parents=True)
    for n in range(3):
        write_case(folder, f"c{n}", n)
    return tmp_path / "data"


def test_one_command_writes_a_calibration_that_the_model_accepts(
    model_folder: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.json"
    config.write_text(CONFIG % '["cases/c0", "cases/c2"]')
    arguments = [str(model_folder), str(config), "--data", str(data), "--device", "cpu"]
    assert main(arguments) == 0
    calibration, findings = read_calibration(read_model_folder(model_folder))
    assert findings == () and calibration is not None
    assert calibration.cases == ("cases/c0", "cases/c2") and calibration.pairs == 6
    assert calibration.ece_after < calibration.ece_before, "random weights are surer than they are right"
    table = capsys.readouterr().out
    assert re.search(r"\| all \| \d of 6 \(\d+\.\d%\) \|", table) and "| liver | " in table
    first = (model_folder / "calibration.json").read_bytes()
    assert main(arguments) == 0
    assert (model_folder / "calibration.json").read_bytes() == first, "the same data give the same calibration"


def test_one_held_out_case_is_too_few(model_folder: Path, data: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(CONFIG % '["cases/c1"]')
    with pytest.raises(InputError, match="1 held-out case"):
        main([str(model_folder), str(config), "--data", str(data), "--device", "cpu"])
