from __future__ import annotations

from pathlib import Path

import numpy as np

from segmentation.evaluate import evaluate_labels
from segmentation.infer import InferenceSettings
from segmentation.scores import markdown_table, score_held_out
from segmentation.training_config import TrainingConfig


def test_only_held_out_cases_are_scored(tmp_path: Path, model_folder: Path, config: TrainingConfig) -> None:
    import SimpleITK

    (tmp_path / "cases").mkdir()
    labels = np.zeros((8, 20, 20), dtype=np.uint8)
    labels[2:6, 5:15, 3:9] = 2
    for case in ("c0", "c1"):
        for name, values in (("image", labels.astype(np.int16) * 40), ("labels", labels)):
            SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values), str(tmp_path / "cases" / f"{case}_{name}.nii.gz"))
    scores = score_held_out(model_folder, config, [tmp_path], InferenceSettings(device="cpu"))
    assert list(scores) == ["cases/c1"]
    assert scores["cases/c1"]["liver"].reference_ml == 0.24


def test_the_table_holds_mean_and_spread_of_each_structure() -> None:
    truth = np.zeros((6, 10, 10), dtype=np.uint8)
    truth[1:5, 2:8, 2:8] = 1
    half = truth.copy()
    half[1:5, 2:8, 5:8] = 0
    names = {"liver": 1, "spleen": 2}
    cases = {n: evaluate_labels(f, truth, (1.0, 1.0, 1.0), names) for n, f in (("a", truth), ("b", half))}
    table = markdown_table(cases)
    assert "| liver | 2 | 0.833 (0.667-1.000) |" in table and "spleen" not in table
    assert "| mean of all | | 0.833 |" in table
