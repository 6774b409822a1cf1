"""The engine's choices: backend, mode, what fits in memory, what follows when it does not, and regions."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from segmentation import backends, infer, openvino_backend, run_choice
from segmentation.backends import Backend
from segmentation.device import ComputePlan
from segmentation.infer import Engine, InferenceSettings
from segmentation.model_folder import ModelFolder, read_model_folder
from segmentation.modes import EXACT, LEAST_MEAN_DICE, MODES, fastest_mode, mode_named
from segmentation.openvino_backend import BackendError, openvino_version
from segmentation.run_choice import CPU_RAN_OUT, GPU_RAN_OUT
from surgtwin.errors import DeviceError, InputError, MemoryLimitError

SPACING = (3.0, 2.0, 2.0)
needs_openvino = pytest.mark.skipif(openvino_version() is None, reason="OpenVINO is not installed")


def image(shape: tuple[int, int, int] = (14, 20, 22)) -> np.ndarray:
    k, j, i = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    return (150 * np.sin(0.5 * i + 0.2 * k) * np.cos(0.4 * j) + 3 * k + 5).astype(np.int16)


@pytest.fixture
def model(model_folder: Path) -> ModelFolder:
    return read_model_folder(model_folder)


def torch_engine(model: ModelFolder, **settings: object) -> Engine:
    return Engine(model, InferenceSettings(device="cpu", backend="torch", **settings))  # type: ignore[arg-type]


def gpu_engine(model: ModelFolder, monkeypatch: pytest.MonkeyPatch, free: int = 2**40) -> Engine:
    """An engine that believes it has a GPU; its networks are in the computer's memory."""
    engine = torch_engine(model)
    gpu = ComputePlan(torch.device("cuda"), torch.float16, "float16 mixed")
    engine._backends[gpu] = engine._backends[engine._compute]
    engine._compute = gpu
    real = run_choice.free_bytes
    monkeypatch.setattr(run_choice, "free_bytes", lambda device: free if device.type == "cuda" else real(device))
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    return engine


def fail_first(monkeypatch: pytest.MonkeyPatch, error: BaseException, times: int = 1) -> list[int]:
    """Let the first runs fail when their image is prepared; returns what counts the runs."""
    real, calls = infer.prepare, []

    def prepare(*arguments: object) -> object:
        calls.append(1)
        if len(calls) <= times:
            raise error
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(infer, "prepare", prepare)
    return calls


def test_a_full_gpu_falls_back_to_the_cpu_and_says_so(model: ModelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = torch_engine(model).predict([image()], SPACING).labels
    engine = gpu_engine(model, monkeypatch)
    fail_first(monkeypatch, torch.OutOfMemoryError("CUDA out of memory"))
    found = engine.predict([image()], SPACING)
    assert found.fell_back and found.device == "cpu" and GPU_RAN_OUT in found.notes
    np.testing.assert_array_equal(found.labels, expected)


def test_an_image_too_large_for_the_gpu_never_goes_there(model: ModelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = gpu_engine(model, monkeypatch, free=1000)
    found = engine.predict([image()], SPACING)
    assert found.fell_back and found.device == "cpu" and "The GPU has 0.0 GiB free" in found.notes[0]


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 99 GB")])
def test_want_of_memory_is_met_with_smaller_slabs(
    model: ModelFolder, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    engine = torch_engine(model)
    expected = engine.predict([image()], SPACING).labels
    rows: list[int] = []
    engine.watchers.append(lambda slab: rows.append(slab.logits.shape[1]))
    calls = fail_first(monkeypatch, error)
    found = engine.predict([image()], SPACING)
    assert len(calls) == 2 and set(rows) == {1} and not found.fell_back
    assert found.notes == (CPU_RAN_OUT,)
    np.testing.assert_array_equal(found.labels, expected)


def test_memory_that_never_suffices_is_one_typed_error(model: ModelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = torch_engine(model)
    calls = fail_first(monkeypatch, MemoryError(), times=9)
    with pytest.raises(MemoryLimitError, match="region"):
        engine.predict([image()], SPACING)
    assert len(calls) == 2


def test_another_runtime_error_is_no_want_of_memory(model: ModelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_first(monkeypatch, RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="mat1"):
        torch_engine(model).predict([image()], SPACING)


def test_little_free_memory_is_met_before_the_run(model: ModelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = torch_engine(model)
    expected = engine.predict([image()], SPACING).labels
    monkeypatch.setattr(run_choice, "free_bytes", lambda _: 1000)
    found = engine.predict([image()], SPACING)
    assert "one row of logits" in found.notes[0]
    np.testing.assert_array_equal(found.labels, expected)


def test_without_openvino_torch_runs_and_says_why(model: ModelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "openvino_version", lambda: None)
    found = Engine(model, InferenceSettings(device="cpu")).predict([image()], SPACING)
    assert found.backend.startswith("torch ") and "OpenVINO is not installed (surgtwin[cpu])" in found.notes
    with pytest.raises(DeviceError, match="not installed"):
        Engine(model, InferenceSettings(device="cpu", backend="openvino"))
    with pytest.raises(DeviceError, match="choose one of"):
        Engine(model, InferenceSettings(device="cpu", backend="tensorrt"))


def test_an_openvino_that_fails_to_load_is_replaced(model: ModelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def odd(*_: object) -> None:
        raise BackendError("RuntimeError: no plugin for CPU")

    monkeypatch.setattr(backends, "openvino_version", lambda: "9.9")
    monkeypatch.setattr(backends, "OpenVinoTiles", odd)
    found = Engine(model, InferenceSettings(device="cpu")).predict([image()], SPACING)
    assert found.backend.startswith("torch ")
    assert found.notes == ("OpenVINO 9.9 could not be used: RuntimeError: no plugin for CPU",)


def test_an_openvino_that_stops_in_the_middle_is_replaced(model: ModelFolder) -> None:
    expected = torch_engine(model).predict([image()], SPACING).labels

    class Stops:
        head_count = 4

        def logits(self, *_: object) -> torch.Tensor:
            raise BackendError("RuntimeError: out of luck")

    engine = torch_engine(model)
    engine._backends[engine._compute] = Backend([Stops()], "OpenVINO 9.9")
    found = engine.predict([image()], SPACING)
    assert found.notes == ("OpenVINO 9.9 stopped: RuntimeError: out of luck",)
    np.testing.assert_array_equal(found.labels, expected)
    assert engine.predict([image()], SPACING).notes == found.notes, "torch stays, with the reason"


@needs_openvino
def test_openvino_is_the_choice_on_the_cpu(model: ModelFolder) -> None:
    found = Engine(model, InferenceSettings(device="cpu")).predict([image()], SPACING)
    assert found.backend == f"OpenVINO {openvino_version()}" and found.notes == ()
    np.testing.assert_array_equal(found.labels, torch_engine(model).predict([image()], SPACING).labels)


@needs_openvino
def test_openvino_reports_to_nobody() -> None:
    code = (
        "import sys; from segmentation.openvino_network import openvino_library; openvino_library();"
        "print([m for m in sys.modules if m.startswith('openvino_telemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@needs_openvino
def test_answers_unlike_torchs_are_refused_at_load(model: ModelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino_backend, "EXACT_DIFFERENCE", -1.0)
    found = Engine(model, InferenceSettings(device="cpu")).predict([image()], SPACING)
    assert found.backend.startswith("torch ") and "differ from torch's" in found.notes[0]


def test_the_fast_setting_takes_the_quickest_mode_that_is_close_enough() -> None:
    fast = InferenceSettings(fast=True).chosen_mode
    assert fast.measured.mean_dice >= LEAST_MEAN_DICE and fast == fastest_mode()
    assert fastest_mode(least_mean_dice=1.0) == EXACT
    assert InferenceSettings().chosen_mode == EXACT
    assert InferenceSettings(fast=True, mode="exact").chosen_mode == EXACT, "a name goes before"
    with pytest.raises(InputError, match="bf16"):
        mode_named("turbo")
    assert len({m.name for m in MODES}) == len(MODES)


def test_a_wider_step_runs_fewer_tiles(model: ModelFolder) -> None:
    tiles = []
    for mode in ("exact", "wide-step"):
        engine = torch_engine(model, mode=mode)
        network = engine._backends[engine._compute].networks[0]._network
        calls: list[int] = []
        handle = network.register_forward_hook(lambda *_, calls=calls: calls.append(1))
        engine.predict([image((24, 40, 30))], SPACING)
        handle.remove()
        tiles.append(len(calls))
    assert tiles[1] < tiles[0]


@pytest.mark.parametrize("forward", [(0, 1, 2), (2, 0, 1)])
def test_a_region_has_the_labels_of_the_whole_and_costs_less(model: ModelFolder, forward: tuple[int, int, int]) -> None:
    plan = replace(model.plan, transpose_forward=forward)
    engine = torch_engine(replace(model, plan=plan, largest_only=()))
    network = engine._backends[engine._compute].networks[0]._network
    calls: list[int] = []
    network.register_forward_hook(lambda *_: calls.append(1))
    values = image((30, 50, 41))
    values[:2], values[:, :3] = 0, 0
    # Not the network's grid, so that labels are interpolated.
    spacing = (2.3, 1.7, 1.1)
    whole = engine.predict([values], spacing).labels
    tiles_of_whole = len(calls)
    for region in [
        (slice(3, 9), slice(20, 31), slice(2, 7)),
        (slice(0, 30), slice(0, 50), slice(0, 41)),
        (slice(29, 30), slice(49, 50), slice(40, 41)),
    ]:
        calls.clear()
        found = engine.predict([values], spacing, region=region)
        expected = np.zeros_like(whole)
        expected[region] = whole[region]
        np.testing.assert_array_equal(found.labels, expected)
        assert found.confidence is None and len(calls) <= tiles_of_whole
    assert len(calls) < tiles_of_whole / 3
    nothing = engine.predict([values], spacing, region=(slice(0, 2), slice(0, 3), slice(0, 3)))
    assert not nothing.labels.any()
