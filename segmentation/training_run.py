"""A training run's state: networks, optimiser, counters; saved and restored."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from surgtwin.atomic_file import write_atomically
from surgtwin.errors import ModelError

from .dataset import TrainingCase, class_frequencies
from .distributed import World, trained_together
from .losses import deep_supervision_weights
from .model_folder import load_networks, read_model_folder
from .network import PlainConvUNet, initialise_weights
from .training_config import TrainingConfig
from .training_log import TrainingLog

CHECKPOINT_NAME = "checkpoint_latest.pth"
CLASS_WEIGHT_POWER = 0.15
CLASS_WEIGHT_BOUNDS = (0.5, 3.0)
DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}


@dataclass
class TrainingRun:
    """Everything that changes while training. ``log`` is None in all processes but the first."""

    config: TrainingConfig
    output: Path
    world: World
    network: PlainConvUNet
    every_scale: nn.Module
    average: PlainConvUNet
    optimiser: torch.optim.Optimizer
    compute_dtype: torch.dtype
    scaler: torch.amp.GradScaler
    class_weights: Tensor
    log: TrainingLog | None = None
    iteration: int = 0
    seconds: float = 0.0
    recent_losses: list[float] = field(default_factory=list)
    stop_requested: bool = False

    @property
    def device(self) -> torch.device:
        """Where this process computes."""
        return self.world.device

    @property
    def spent(self) -> float:
        """The spent fraction of the budget."""
        return self.config.budget.spent(self.seconds, self.iteration)


def start_run(
    config: TrainingConfig, output: Path, training: Sequence[TrainingCase], world: World, log: TrainingLog | None = None
) -> TrainingRun:
    """Return a run at iteration 0; every process of a training starts with the same weights."""
    torch.manual_seed(config.seed)
    network = PlainConvUNet(config.architecture)
    initialise_weights(network)
    network = network.to(device=world.device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    average = PlainConvUNet(config.architecture)
    average.load_state_dict(network.state_dict())
    average = average.to(device=world.device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(
        parameter_groups(network, config.weight_decay), lr=config.peak_learning_rate, betas=(0.9, 0.99)
    )
    freeze_unsupervised(network)
    frequencies = class_frequencies(list(training), config.class_count)
    weights = torch.tensor(cross_entropy_weights(frequencies), dtype=torch.float32, device=world.device)
    dtype = compute_dtype(config.precision, world.device)
    scaler = torch.amp.GradScaler(world.device.type, enabled=dtype == torch.float16)
    every_scale = trained_together(network, world)
    return TrainingRun(
        config, output, world, network, every_scale, average.eval(), optimiser, dtype, scaler, weights, log
    )


def compute_dtype(precision: str, device: torch.device) -> torch.dtype:
    """Return the number format of the network's layers; "auto" is bfloat16 where the device has it, else float16."""
    if precision != "auto":
        return DTYPES[precision]
    if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.float16
    return torch.bfloat16


def freeze_unsupervised(network: PlainConvUNet) -> None:
    """Keep the heads whose resolution has no weight in the loss as they are.

    They never get a gradient, which averaging over several processes would wait for.
    """
    heads = list(network.decoder.seg_layers)[::-1]
    for head, weight in zip(heads, deep_supervision_weights(len(heads)), strict=True):
        head.requires_grad_(weight > 0)


def parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Return the parameters in two groups: decay for kernels, none for norms and biases."""
    kernels = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    return [{"params": kernels, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


def cross_entropy_weights(frequencies: npt.NDArray[np.float64]) -> list[float]:
    """Return mild class weights: rare organs count more, background less, a typical organ one."""
    organs = frequencies[1:][frequencies[1:] > 0]
    typical = float(np.median(organs))
    raw = [(typical / max(f, 1e-9)) ** CLASS_WEIGHT_POWER if f > 0 else 1.0 for f in frequencies]
    return [float(np.clip(w, *CLASS_WEIGHT_BOUNDS)) for w in raw]


@torch.no_grad()
def update_average(run: TrainingRun) -> None:
    """Move the averaged weights towards the trained ones; early on faster, so that the start is forgotten."""
    decay = min(run.config.ema_decay, (1 + run.iteration) / (10 + run.iteration))
    average = [p.data for p in run.average.parameters()]
    current = [p.data for p in run.network.parameters()]
    torch._foreach_lerp_(average, current, 1.0 - decay)


def save_checkpoint(run: TrainingRun) -> None:
    """Write the run's state beside its old one, then swap; only the first process writes.

    Raises
    ------
    DiskError
        If it cannot be written; the old one stays.
    """
    if not run.world.is_first:
        return
    state = {
        "network": run.network.state_dict(),
        "average": run.average.state_dict(),
        "optimiser": run.optimiser.state_dict(),
        "scaler": run.scaler.state_dict(),
        "iteration": run.iteration,
        "seconds": run.seconds,
        "config": json.dumps(asdict(run.config)),
    }
    write_atomically(run.output / CHECKPOINT_NAME, lambda path: _save(state, path))


def _save(state: Mapping[str, Any], path: Path) -> None:
    with path.open("wb") as file:
        try:
            torch.save(state, file)
        except RuntimeError as error:
            # torch tells a full disk as a RuntimeError of its archive writer.
            raise OSError(f"torch could not write it ({str(error).splitlines()[0]})") from error


def read_checkpoint(path: Path, device: torch.device) -> dict[str, Any]:
    """Return a checkpoint's contents.

    Raises
    ------
    ModelError
        If there is none, or it is damaged.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
        missing = {"network", "average", "optimiser", "iteration", "seconds", "config"} - set(state)
    except FileNotFoundError as error:
        raise ModelError(f"{path.parent} holds no {path.name}; has the training started?") from error
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError, TypeError, ValueError, KeyError) as error:
        raise ModelError(f"{path} is damaged and cannot be read. Put a copy in its place, or train anew.") from error
    if missing:
        raise ModelError(f"{path} is no checkpoint of a training: it lacks {', '.join(sorted(missing))}.")
    return state


def restore(run: TrainingRun) -> None:
    """Load the last checkpoint into a fresh run.

    Raises
    ------
    ModelError
        If it is damaged, or belongs to another network or other labels.
    """
    path = run.output / CHECKPOINT_NAME
    state = read_checkpoint(path, run.device)
    if json.loads(state["config"])["labels"] != run.config.labels:
        raise ModelError(f"{path} was trained for other labels than {run.config.name} asks for. Train in a new folder.")
    try:
        run.network.load_state_dict(state["network"])
        run.average.load_state_dict(state["average"])
        run.optimiser.load_state_dict(state["optimiser"])
    except (RuntimeError, ValueError) as error:
        raise ModelError(
            f"{path} is of another network than {run.config.name} plans: {_last_line(error)}. Train in a new folder."
        ) from error
    if state.get("scaler") and run.scaler.is_enabled():
        run.scaler.load_state_dict(state["scaler"])
    run.iteration = int(state["iteration"])
    run.seconds = float(state["seconds"])


def start_from(run: TrainingRun, model: Path) -> None:
    """Give a fresh run the weights of a model folder's first fold.

    Raises
    ------
    ModelError
        If the folder's network or labels are not the run's.
    """
    folder = read_model_folder(model)
    if folder.labels.names != {name: value for name, value in run.config.labels.items() if value}:
        raise ModelError(f"{folder.name} finds other labels than the training {run.config.name} asks for.")
    weights = load_networks(folder, run.device)[0].state_dict()
    try:
        for network in (run.network, run.average):
            network.load_state_dict(weights)
    except RuntimeError as error:
        raise ModelError(
            f"{folder.name} is another network than {run.config.name} plans: {_last_line(error)}"
        ) from error


def _last_line(error: Exception) -> str:
    return str(error).splitlines()[-1].strip()


def write_log(run: TrainingRun, entry: dict[str, Any]) -> None:
    """Add an entry to the run's log; only the first process has one."""
    if run.log is not None:
        run.log.write(run.iteration, run.spent, entry)
