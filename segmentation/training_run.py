"""A training run's state: networks, optimiser, counters; saved, restored and logged."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from surgtwin.errors import ModelError

from .dataset import TrainingCase, class_frequencies
from .model_folder import load_networks, read_model_folder
from .network import PlainConvUNet, initialise_weights
from .training_config import TrainingConfig

CHECKPOINT_NAME = "checkpoint_latest.pth"
CLASS_WEIGHT_POWER = 0.15
CLASS_WEIGHT_BOUNDS = (0.5, 3.0)


@dataclass
class TrainingRun:
    """Everything that changes while training."""

    config: TrainingConfig
    output: Path
    device: torch.device
    network: PlainConvUNet
    average: PlainConvUNet
    optimiser: torch.optim.Optimizer
    class_weights: Tensor
    iteration: int = 0
    seconds: float = 0.0
    recent_losses: list[float] = field(default_factory=list)
    stop_requested: bool = False

    @property
    def spent(self) -> float:
        """The spent fraction of the budget."""
        return self.config.budget.spent(self.seconds, self.iteration)


def start_run(config: TrainingConfig, output: Path, training: Sequence[TrainingCase]) -> TrainingRun:
    """Return a run at iteration 0."""
    torch.manual_seed(config.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = PlainConvUNet(config.architecture)
    initialise_weights(network)
    network = network.to(device=device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    average = PlainConvUNet(config.architecture)
    average.load_state_dict(network.state_dict())
    average = average.to(device=device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(
        parameter_groups(network, config.weight_decay), lr=config.peak_learning_rate, betas=(0.9, 0.99)
    )
    frequencies = class_frequencies(list(training), config.class_count)
    weights = torch.tensor(cross_entropy_weights(frequencies), dtype=torch.float32, device=device)
    return TrainingRun(config, output, device, network, average.eval(), optimiser, weights)


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
    """Write the run's state beside its old one, then swap."""
    state = {
        "network": run.network.state_dict(),
        "average": run.average.state_dict(),
        "optimiser": run.optimiser.state_dict(),
        "iteration": run.iteration,
        "seconds": run.seconds,
        "config": json.dumps(asdict(run.config)),
    }
    target = run.output / CHECKPOINT_NAME
    temporary = target.with_suffix(".tmp")
    torch.save(state, temporary)
    temporary.replace(target)


def restore(run: TrainingRun) -> None:
    """Load the last checkpoint into a fresh run."""
    state = torch.load(run.output / CHECKPOINT_NAME, map_location=run.device, weights_only=True)
    run.network.load_state_dict(state["network"])
    run.average.load_state_dict(state["average"])
    run.optimiser.load_state_dict(state["optimiser"])
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
        reason = str(error).splitlines()[-1].strip()
        raise ModelError(f"{folder.name} is another network than {run.config.name} plans: {reason}") from error


def write_log(run: TrainingRun, entry: dict[str, Any]) -> None:
    """Append one JSON line to ``log.jsonl``."""
    facts = {"time": time.strftime("%H:%M:%S"), "iteration": run.iteration, "spent": round(run.spent, 4)}
    with (run.output / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({**facts, **entry}) + "\n")
