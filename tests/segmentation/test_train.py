from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from segmentation.augment import AugmentSettings, Sample, augment_intensity
from segmentation.dataset import TrainingCase, load_cases
from segmentation.distributed import World
from segmentation.model_folder import load_networks, read_model_folder
from segmentation.network import PlainConvUNet
from segmentation.package import ModelFacts, package_run
from segmentation.sampling import SamplingPlan, draw_batch, organ_weights
from segmentation.spatial import cut_patch, draw_affine
from segmentation.train import train
from segmentation.training_config import Budget, CaseSource, TrainingConfig, read_config
from segmentation.training_run import CHECKPOINT_NAME, start_run
from segmentation.training_step import learning_rate, step
from surgtwin.errors import InputError
from tests.segmentation.training_cases import write_cases

SHIPPED_CONFIGS = sorted((Path(__file__).parents[2] / "segmentation" / "configs").glob("*.json"))
LARGEST_FILE_BYTES = 15e6


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_cases(tmp_path / "data" / "cases")
    return tmp_path / "data"


def log_of(run: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_training_ends_with_a_model_folder_that_loads(tmp_path: Path, data: Path, config: TrainingConfig) -> None:
    checkpoint = train(config, [data], tmp_path / "run")
    assert checkpoint.name == CHECKPOINT_NAME
    entries = log_of(tmp_path / "run")
    assert entries[0]["held_out"] == ["cases/c1"] and entries[-1]["event"] == "done"
    assert set(entries[-2]["dice"]["cases/c1"]) <= {"spleen", "liver", "aorta"}
    package_run(tmp_path / "run", config, ModelFacts("0.1", "none"), tmp_path / "model")
    model = read_model_folder(tmp_path / "model")
    assert load_networks(model, torch.device("cpu"))[0].arch == config.architecture


def test_a_stopped_run_goes_on_where_it_was(tmp_path: Path, data: Path, config: TrainingConfig) -> None:
    train(config, [data], tmp_path / "run")
    longer = dataclasses.replace(config, budget=Budget(iterations=7))
    train(longer, [data], tmp_path / "run", resume=True)
    entries = log_of(tmp_path / "run")
    starts = [e["iteration"] for e in entries if e.get("event") == "start"]
    assert starts == [0, 4] and entries[-1]["iteration"] == 7


def test_cases_can_be_added_on_resume(tmp_path: Path, data: Path, config: TrainingConfig) -> None:
    train(config, [data], tmp_path / "run")
    write_cases(data / "more", 1, value_step=5)
    more = CaseSource("more", "_image.nii.gz", "_labels.nii.gz", 0.1, {"spleen": [5], "liver": [10]})
    wider = dataclasses.replace(config, sources=(*config.sources, more), budget=Budget(iterations=5))
    train(wider, [data], tmp_path / "run", resume=True)
    starts = [e["cases"] for e in log_of(tmp_path / "run") if e.get("event") == "start"]
    assert "more/c0" not in starts[0] and "more/c0" in starts[1]
    cases = {c.name: c for c in load_cases(wider, [data], tmp_path / "run" / "cache")}
    assert set(np.unique(cases["more/c0"].labels)) == {0, 1, 2}
    assert cases["more/c0"].weight == pytest.approx(0.1) and cases["cases/c0"].weight == pytest.approx(0.5)


def test_cases_are_read_in_lps_order(tmp_path: Path, data: Path, config: TrainingConfig) -> None:
    case = load_cases(config, [data], tmp_path / "cache")[0]
    assert case.labels.shape == (16, 24, 30)
    spleen, liver = (np.argwhere(np.asarray(case.labels) == v).mean(0) for v in (1, 2))
    assert spleen[2] > liver[2] and spleen[1] > liver[1]


def test_a_missing_source_is_named(tmp_path: Path, data: Path, config: TrainingConfig) -> None:
    lost = dataclasses.replace(config, sources=(CaseSource("nowhere", "a", "b"),))
    with pytest.raises(InputError, match="nowhere"):
        load_cases(lost, [data], tmp_path / "cache")


def test_the_rate_follows_the_spent_share_of_the_budget() -> None:
    rates = [learning_rate(s, 1.0) for s in np.linspace(0, 1, 101)]
    assert max(rates) == pytest.approx(1.0, abs=0.01) and rates[-1] == pytest.approx(0.01)
    assert np.argmax(rates) in (3, 4) and all(np.diff(rates[4:]) < 0)
    assert Budget(minutes=10).spent(300, 0) == 0.5 and Budget(iterations=10).spent(0, 5) == 0.5
    with pytest.raises(InputError):
        Budget(minutes=1, iterations=1)


@pytest.mark.parametrize("path", SHIPPED_CONFIGS, ids=lambda p: p.stem)
def test_shipped_configurations_are_valid(path: Path) -> None:
    config = read_config(path)
    assert config.name == path.stem and config.validation
    assert list(config.labels.values()) == list(range(config.class_count))
    assert not config.mirror_swap, "liver and spleen keep their sides"
    numbers = sum(p.numel() for p in PlainConvUNet(config.architecture).parameters())
    assert 2 * numbers < LARGEST_FILE_BYTES, "its weights in half precision can be shipped"


@pytest.mark.parametrize("path", SHIPPED_CONFIGS, ids=lambda p: p.stem)
def test_shipped_networks_train_on_a_small_patch(tmp_path: Path, path: Path) -> None:
    config = read_config(path)
    small = tuple(2 * d for d in config.architecture.divisor)
    labels = np.random.default_rng(0).integers(0, config.class_count, small).astype(np.uint8)
    case = TrainingCase("case", labels.astype(np.float16), labels, {}, config.spacing_mm, 1.0)
    run = start_run(config, tmp_path, [case], World(torch.device("cpu")))
    before = run.network.state_dict()["encoder.stages.0.0.convs.0.conv.weight"].clone()
    loss = step(run, torch.from_numpy(labels.astype(np.float32))[None, None], torch.from_numpy(labels).long()[None])
    assert 0.5 < loss < 20
    assert not torch.equal(run.network.state_dict()["encoder.stages.0.0.convs.0.conv.weight"], before)


def test_an_unknown_key_is_refused(tmp_path: Path) -> None:
    content = json.loads(SHIPPED_CONFIGS[0].read_text())
    (tmp_path / "x.json").write_text(json.dumps({**content, "pach": 3}))
    with pytest.raises(InputError, match="pach"):
        read_config(tmp_path / "x.json")


def asymmetric_case() -> TrainingCase:
    """A ramp in each direction and two organs, left and right."""
    image = np.zeros((20, 30, 40), dtype=np.float16)
    labels = np.zeros(image.shape, dtype=np.uint8)
    labels[5:15, 10:20, 5:15] = 1
    labels[5:15, 10:20, 25:35] = 2
    image[:] = labels
    locations = {c: np.argwhere(labels == c).astype(np.int16) for c in (0, 1, 2)}
    return TrainingCase("case", image, labels, locations, (3.0, 2.0, 2.0), 1.0)


def test_right_stays_right_whatever_is_drawn() -> None:
    case = asymmetric_case()
    rng = np.random.default_rng(0)
    settings = AugmentSettings(rotation_share=1.0, scale_share=1.0)
    for _ in range(30):
        patch = cut_patch(case, np.array([9.5, 14.5, 19.5]), (20, 32, 48), draw_affine(rng, settings)).labels
        first, second = ((patch == v).nonzero().float().mean(0) for v in (1, 2))
        assert first[2] < second[2]


def test_a_scaled_patch_shows_the_organ_at_its_scaled_size() -> None:
    case = asymmetric_case()
    affine = np.eye(3) * 0.5
    patch = cut_patch(case, np.array([9.5, 14.5, 9.5]), (24, 24, 24), affine)
    assert int((patch.labels == 1).sum()) == pytest.approx(8 * 1000, rel=0.12)
    differing = patch.image.round().to(torch.uint8) != patch.labels
    assert float(differing.float().mean()) < 0.01


def test_patches_beyond_the_image_are_padded() -> None:
    patch = cut_patch(asymmetric_case(), np.array([0.0, 0.0, 0.0]), (8, 8, 8), None)
    assert patch.image.shape == (8, 8, 8) and float(patch.image.sum()) == 0


def test_intensity_changes_keep_labels_padding_and_range() -> None:
    labels = torch.zeros(16, 24, 24, dtype=torch.uint8)
    labels[4:12, 6:18, 6:18] = 1
    image = labels.float() * 1.5 - 2.0
    image[:, :, :3] = 0.0
    settings = AugmentSettings(
        value_bounds=(-3.0, 3.0), noise_share=1, thick_slice_share=1, phase_share=1, truncation_share=0, circle_share=0
    )
    for seed in range(10):
        found = augment_intensity(Sample(image, labels), (3.0, 2.0, 2.0), np.random.default_rng(seed), settings)
        assert torch.equal(found.labels, labels) and bool((found.image[:, :, :3] == 0).all())
        assert float(found.image.min()) >= -3.0 and float(found.image.max()) <= 3.0
        assert bool(torch.isfinite(found.image).all())


def test_batches_are_repeatable_and_favour_small_organs() -> None:
    weights = organ_weights(np.array([0.9, 0.09, 0.01]))
    assert weights[0] == 0 and weights[2] > weights[1] and weights.sum() == pytest.approx(1)
    plan = SamplingPlan((8, 16, 16), 2, 0.8, weights, 3, AugmentSettings())
    cases = [asymmetric_case()]
    first, again, other = (draw_batch(cases, plan, n) for n in (5, 5, 6))
    assert first[0].shape == (2, 1, 8, 16, 16) and first[1].dtype == torch.int64
    assert torch.equal(first[0], again[0]) and not torch.equal(first[0], other[0])


def test_a_painter_changes_patches_before_their_intensities_are_changed() -> None:
    def paint(sample: Sample, spacing_mm: tuple[float, float, float], rng: np.random.Generator) -> Sample:
        assert spacing_mm == (3.0, 2.0, 2.0) and 0.0 <= rng.random() < 1.0
        return Sample(torch.full_like(sample.image, 50.0), torch.full_like(sample.labels, 3))

    settings = AugmentSettings(painter=paint, value_bounds=(-3.0, 3.0), truncation_share=0, circle_share=0)
    plan = SamplingPlan((8, 16, 16), 1, 0.8, organ_weights(np.array([0.9, 0.09, 0.01])), 3, settings)
    images, labels = draw_batch([asymmetric_case()], plan, 0)
    assert bool((labels == 3).all()) and float(images.max()) <= 3.0
