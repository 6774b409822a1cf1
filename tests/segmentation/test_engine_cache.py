from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from segmentation import engine_cache
from segmentation.engine_cache import EngineCache
from segmentation.infer import InferenceSettings
from segmentation.model_folder import load_networks, network_bytes, read_model_folder
from segmentation.segmenter import UNetSegmenter
from surgtwin.errors import Cancelled
from surgtwin.progress import SILENT, Progress
from tests.segmentation.part_models import edit_json, lively_volume, write_part

SETTINGS = InferenceSettings(device="cpu")


@pytest.fixture
def models(tmp_path: Path) -> list:
    return [read_model_folder(write_part(tmp_path / name, ["liver"], n)) for n, name in enumerate("abc")]


def test_the_size_of_a_model_is_known_before_it_is_loaded(models: list) -> None:
    networks = load_networks(models[0], torch.device("cpu"))
    assert network_bytes(models[0]) == sum(p.numel() * p.element_size() for n in networks for p in n.parameters())


def test_engines_stay_until_the_limit_and_the_longest_unused_goes(models: list) -> None:
    size = network_bytes(models[0])
    cache = EngineCache(budget_bytes=2 * size)
    first, second = (cache.get(model, SETTINGS) for model in models[:2])
    assert cache.get(models[0], SETTINGS) is first and len(cache) == 2
    cache.get(models[2], SETTINGS)
    assert cache.size_bytes == 2 * size and cache.get(models[0], SETTINGS) is first
    assert cache.get(models[1], SETTINGS) is not second


def test_a_model_larger_than_the_limit_runs_alone(models: list) -> None:
    cache = EngineCache(budget_bytes=1)
    for model in models:
        cache.get(model, SETTINGS)
        assert len(cache) == 1


def test_little_free_memory_lowers_the_limit(models: list, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = type("Memory", (), {"available": 1000})()
    monkeypatch.setattr(engine_cache.psutil, "virtual_memory", lambda: memory)
    cache = EngineCache()
    for model in models:
        cache.get(model, SETTINGS)
    assert len(cache) == 1


def test_settings_and_changed_files_make_another_engine(models: list) -> None:
    cache = EngineCache()
    first = cache.get(models[0], SETTINGS)
    assert cache.get(models[0], InferenceSettings(device="cpu", mirror=False)) is not first
    edit_json(models[0].path / "dataset.json", version="0.2.1")
    assert cache.get(read_model_folder(models[0].path), SETTINGS) is not first
    assert len(cache) == 1, "engines of files that are gone are dropped"


def test_two_jobs_take_turns_and_find_the_same(model_folder: Path) -> None:
    segmenter = UNetSegmenter(model_folder, SETTINGS, classical=False)
    volume = lively_volume()
    expected = segmenter.segment(volume, SILENT).labels.layers[0]
    order: list[tuple[int, bool]] = []
    found: list[np.ndarray] = []

    def job(n: int) -> None:
        def report(fraction: float, stage: str) -> None:
            order.append((n, stage == "checking"))

        found.append(segmenter.segment(volume, Progress(report)).labels.layers[0])

    threads = [threading.Thread(target=job, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    jobs = [n for n, _ in order]
    assert len([n for n, after in zip(jobs, [*jobs[1:], None], strict=True) if n != after]) == 3, "jobs ran mixed"
    assert len(found) == 3 and all((labels == expected).all() for labels in found)


def test_a_job_that_waits_for_its_turn_can_be_cancelled() -> None:
    cache = EngineCache()
    with cache.turn(SILENT), pytest.raises(Cancelled), cache.turn(Progress(None, lambda: True)):
        pytest.fail("two jobs had a turn at once")
    with cache.turn(SILENT):
        assert len(cache) == 0
