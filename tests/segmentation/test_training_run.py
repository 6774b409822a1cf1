"""Runs that are killed, damaged, started from a model, or carried by several processes."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from segmentation.dataset import Intensity, load_cases
from segmentation.distributed import World
from segmentation.network import PlainConvUNet
from segmentation.package import ModelFacts, package_run, write_model_folder
from segmentation.sampling import BatchQueue, sampling_plan
from segmentation.train import train
from segmentation.training_config import Budget, TrainingConfig
from segmentation.training_log import TrainingLog
from segmentation.training_plan import config_text
from segmentation.training_run import CHECKPOINT_NAME, compute_dtype, read_checkpoint, start_from, start_run
from segmentation.training_step import step
from surgtwin.errors import Cancelled, DiskError, InputError, ModelError
from surgtwin.progress import Progress
from tests.segmentation.conftest import INTENSITY, make_config
from tests.segmentation.training_cases import write_cases

CPU = torch.device("cpu")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_cases(tmp_path / "data" / "cases")
    return tmp_path / "data"


def log_of(run: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def command(tmp_path: Path, config: TrainingConfig) -> list[str]:
    (tmp_path / "config.json").write_text(config_text(config))
    arguments = [str(tmp_path / "config.json"), "--data", str(tmp_path / "data"), "--output", str(tmp_path / "run")]
    return ["segmentation.train", *arguments, "--resume"]


def start(command: list[str], **environment: str) -> subprocess.Popen[bytes]:
    variables = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT, env=variables)


@pytest.mark.slow
def test_a_killed_run_goes_on_from_its_checkpoint(tmp_path: Path, data: Path) -> None:
    endless = make_config(budget=Budget(iterations=10**6), checkpoint_minutes=0.001, validation=())
    process = start(command(tmp_path, endless))
    checkpoint = tmp_path / "run" / CHECKPOINT_NAME
    deadline = time.monotonic() + 200
    while not checkpoint.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    time.sleep(0.3)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    reached = int(read_checkpoint(checkpoint, CPU)["iteration"])
    assert reached > 0
    train(make_config(budget=Budget(iterations=reached + 3), validation=()), [data], tmp_path / "run", resume=True)
    entries = log_of(tmp_path / "run")
    assert [e["iteration"] for e in entries if e.get("event") == "start"][-1] == reached
    assert entries[-1]["iteration"] == reached + 3 and entries[-1]["event"] == "done"
    assert not list((tmp_path / "run").glob(".*.partial"))


@pytest.mark.slow
def test_two_processes_train_one_network(tmp_path: Path, data: Path) -> None:
    """Weights agree because every step's gradients are averaged; patches differ by rank."""
    config = make_config(budget=Budget(iterations=3), features=(4, 8, 8, 8), patch=(8, 16, 16), **STAGES)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "CUDA_VISIBLE_DEVICES": ""}
    processes = [start(command(tmp_path, config), RANK=str(r), LOCAL_RANK=str(r), **shared) for r in (0, 1)]
    assert [p.wait(timeout=250) for p in processes] == [0, 0]
    entries = log_of(tmp_path / "run")
    assert [e["event"] for e in entries if "event" in e] == ["start", "validation", "done"], "only rank 0 writes"
    assert entries[0]["processes"] == 2
    expected = trained_by_hand(config, data, tmp_path)
    found = read_checkpoint(tmp_path / "run" / CHECKPOINT_NAME, CPU)["network"]
    for name, value in expected.state_dict().items():
        assert torch.allclose(found[name], value, atol=2e-3), name


STAGES = {
    "kernel_sizes": ((1, 3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3)),
    "strides": ((1, 1, 1), (1, 2, 2), (2, 2, 2), (2, 2, 2)),
    "precision": "float32",
}


def trained_by_hand(config: TrainingConfig, data: Path, tmp_path: Path) -> PlainConvUNet:
    """The same training in one process: the gradients of both ranks' patches, averaged here."""
    from segmentation.losses import deeply_supervised_loss
    from segmentation.training_run import update_average
    from segmentation.training_step import GRADIENT_LIMIT, learning_rate

    cases = [c for c in load_cases(config, [data], tmp_path / "run" / "cache") if c.name not in config.validation]
    run = start_run(config, tmp_path / "run", cases, World(CPU))
    queues = [BatchQueue(cases, sampling_plan(config, intensity_of(tmp_path), cases, None, r), 0) for r in (0, 1)]
    for _ in range(3):
        batches = [queue.next() for queue in queues]
        assert not torch.equal(batches[0][0], batches[1][0]), "each rank draws its own patches"
        run.optimiser.param_groups[0]["lr"] = run.optimiser.param_groups[1]["lr"] = learning_rate(
            run.spent, config.peak_learning_rate
        )
        run.optimiser.zero_grad()
        for images, labels in batches:
            outputs = run.network.forward_every_scale(images.contiguous(memory_format=torch.channels_last_3d))
            (deeply_supervised_loss(outputs, labels, run.class_weights) / 2).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(run.network.parameters(), GRADIENT_LIMIT)
        run.optimiser.step()
        update_average(run)
        run.iteration += 1
    for queue in queues:
        queue.close()
    return run.network


def intensity_of(tmp_path: Path) -> Intensity:
    return Intensity(**json.loads((tmp_path / "run" / "cache" / "intensity.json").read_text()))


def test_a_request_to_stop_saves_and_says_how_to_go_on(tmp_path: Path, data: Path, config: TrainingConfig) -> None:
    asked: list[int] = []

    def is_cancelled() -> bool:
        asked.append(1)
        return len(asked) > 6

    long = dataclasses.replace(config, budget=Budget(iterations=1000))
    with pytest.raises(Cancelled, match="--resume goes on"):
        train(long, [data], tmp_path / "run", progress=Progress(is_cancelled=is_cancelled))
    reached = read_checkpoint(tmp_path / "run" / CHECKPOINT_NAME, CPU)["iteration"]
    last = log_of(tmp_path / "run")[-1]
    assert last["event"] == "stopped" and last["iteration"] == reached < 1000


def test_a_finished_run_is_not_overwritten_unasked(tmp_path: Path, data: Path, config: TrainingConfig) -> None:
    train(config, [data], tmp_path / "run")
    before = (tmp_path / "run" / CHECKPOINT_NAME).read_bytes()
    with pytest.raises(InputError, match="holds a training"):
        train(config, [data], tmp_path / "run")
    assert (tmp_path / "run" / CHECKPOINT_NAME).read_bytes() == before


@pytest.mark.parametrize("keep", [0, 100, 0.5])
def test_a_damaged_checkpoint_is_named(tmp_path: Path, data: Path, config: TrainingConfig, keep: float) -> None:
    train(config, [data], tmp_path / "run")
    path = tmp_path / "run" / CHECKPOINT_NAME
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep if keep >= 1 else keep * len(whole))])
    with pytest.raises(ModelError, match=r"checkpoint_latest.pth is damaged"):
        train(config, [data], tmp_path / "run", resume=True)
    with pytest.raises(ModelError, match="damaged"):
        package_run(tmp_path / "run", config, ModelFacts("1", "none"), tmp_path / "model")
    torch.save({"network": {}}, path)
    with pytest.raises(ModelError, match="lacks average"):
        train(config, [data], tmp_path / "run", resume=True)


def test_a_checkpoint_of_other_labels_or_another_network_is_refused(
    tmp_path: Path, data: Path, config: TrainingConfig
) -> None:
    train(config, [data], tmp_path / "run")
    wider = dataclasses.replace(config, features=(4, 12), budget=Budget(iterations=9))
    with pytest.raises(ModelError, match="another network"):
        train(wider, [data], tmp_path / "run", resume=True)
    renamed = dataclasses.replace(config, labels={"background": 0, "liver": 1, "spleen": 2, "aorta": 3})
    with pytest.raises(ModelError, match="other labels"):
        train(renamed, [data], tmp_path / "run", resume=True)


def test_a_full_disk_leaves_the_last_checkpoint_whole(tmp_path: Path, data: Path, config: TrainingConfig) -> None:
    resource = pytest.importorskip("resource")
    train(config, [data], tmp_path / "run")
    before = (tmp_path / "run" / CHECKPOINT_NAME).read_bytes()
    more = dataclasses.replace(config, budget=Budget(iterations=5), validation=())
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
    try:
        with pytest.raises(DiskError, match="cannot be written"):
            train(more, [data], tmp_path / "run", resume=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "run" / CHECKPOINT_NAME).read_bytes() == before
    assert not list((tmp_path / "run").glob(".*.partial"))


def test_a_run_starts_with_a_models_weights(
    tmp_path: Path, config: TrainingConfig, model_folder: Path, data: Path
) -> None:
    cases = load_cases(config, [data], tmp_path / "cache")
    run = start_run(config, tmp_path, cases, World(CPU))
    fresh = {name: value.clone() for name, value in run.network.state_dict().items()}
    start_from(run, model_folder)
    state = torch.load(model_folder / "fold_0" / "checkpoint_final.pth", weights_only=True)["network_weights"]
    assert any(not torch.equal(fresh[name], value) for name, value in run.network.state_dict().items())
    for network in (run.network, run.average):
        for name, value in network.state_dict().items():
            assert torch.equal(value, state[name].float()), name


def test_a_model_of_other_labels_or_another_network_gives_no_weights(
    tmp_path: Path, config: TrainingConfig, model_folder: Path, data: Path
) -> None:
    wider = dataclasses.replace(config, features=(4, 12))
    with pytest.raises(ModelError, match="another network"):
        train(wider, [data], tmp_path / "a", weights_from=model_folder)
    renamed = dataclasses.replace(config, labels={"background": 0, "liver": 1, "spleen": 2, "aorta": 3})
    folder = write_model_folder(
        PlainConvUNet(renamed.architecture), renamed, INTENSITY, ModelFacts("1", "none"), tmp_path / "m"
    )
    with pytest.raises(ModelError, match="other labels"):
        train(config, [data], tmp_path / "b", weights_from=folder)


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_every_precision_learns(tmp_path: Path, data: Path, precision: str) -> None:
    config = make_config(precision=precision, budget=Budget(iterations=30), validation=(), ema_decay=0.5)
    cases = load_cases(config, [data], tmp_path / "cache")
    run = start_run(config, tmp_path, cases, World(CPU))
    assert run.scaler.is_enabled() == (precision == "float16")
    images, labels = torch.randn(1, 1, 8, 16, 12), torch.zeros(1, 8, 16, 12, dtype=torch.int64)
    labels[:, 2:6, 4:12, 3:9] = 2
    images[:, 0][labels == 2] += 4
    losses = []
    for _ in range(25):
        losses.append(step(run, images, labels))
        run.iteration += 1
    assert losses[-1] < 0.8 * losses[0]


def test_auto_precision_on_a_processor_is_bfloat16() -> None:
    assert compute_dtype("auto", CPU) == torch.bfloat16 and compute_dtype("float32", CPU) == torch.float32


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_checkpoint(
    tmp_path: Path, data: Path, config: TrainingConfig
) -> None:
    cases = load_cases(config, [data], tmp_path / "cache")
    run = start_run(config, tmp_path, cases, World(CPU))
    with pytest.raises(InputError, match="Lower peak_learning_rate"):
        step(run, torch.full((1, 1, 8, 16, 12), float("nan")), torch.zeros(1, 8, 16, 12, dtype=torch.int64))


def test_validation_leaves_scores_and_pictures(tmp_path: Path, data: Path, config: TrainingConfig) -> None:
    train(config, [data], tmp_path / "run")
    folder = tmp_path / "run" / "validation"
    scores = json.loads((folder / "scores.json").read_text())
    assert scores["iteration"] == 4 and set(scores["dice"]) == {"cases/c1"}
    with Image.open(folder / "cases_c1.png") as picture:
        colours = {tuple(c) for c in np.asarray(picture.convert("RGB")).reshape(-1, 3).tolist()}
    assert (70, 150, 255) in colours or (235, 235, 235) in colours, "the reference is outlined"


def test_without_tensorboard_the_log_is_written_and_says_so(
    tmp_path: Path, data: Path, config: TrainingConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    told: list[dict[str, object]] = []
    train(config, [data], tmp_path / "run", listener=told.append)
    assert "surgtwin[train]" in str(told[0]["tensorboard"]) and told == log_of(tmp_path / "run")
    assert not (tmp_path / "run" / "tensorboard").exists()


def test_tensorboard_gets_curves_and_pictures(tmp_path: Path) -> None:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    log = TrainingLog(tmp_path)
    log.write(20, 0.1, {"loss": 1.5, "rate": 1e-3})
    log.write(20, 0.1, {"event": "validation", "mean_dice": {"liver": 0.75}})
    log.show(20, "worst slices/a", np.zeros((8, 9, 3), np.uint8))
    log.close()
    board = reader.EventAccumulator(str(tmp_path / "tensorboard"))
    board.Reload()
    assert board.Scalars("training/loss")[0].value == 1.5
    assert board.Scalars("validation Dice/liver")[0].value == 0.75 and board.Tags()["images"]


def test_a_wrong_data_folder_says_where_was_looked(tmp_path: Path, config: TrainingConfig) -> None:
    with pytest.raises(InputError, match=r"Looked for: .*elsewhere.cases"):
        train(config, [tmp_path / "elsewhere"], tmp_path / "run")


def test_a_held_out_case_that_is_not_there_is_named(tmp_path: Path, data: Path) -> None:
    with pytest.raises(InputError, match="cases/c9"):
        train(make_config(validation=("cases/c9",)), [data], tmp_path / "run")
