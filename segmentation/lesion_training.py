"""Train the liver lesion model without one outlined tumour:
``python -m segmentation.lesion_training CONFIG.json --data DIR... --output DIR [--resume]``.

The same training as of the organs; what differs is that lesions are painted into every patch, and that the network
starts with those layers of the organ model that have a counterpart in it.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from surgtwin.progress import SILENT, Progress

from .dataset import Intensity, measure_intensity
from .lesion_painting import LesionPainter
from .model_folder import load_networks, read_model_folder
from .network import PlainConvUNet, UNet, initialise_weights
from .package import ModelFacts, write_model_folder
from .registry import shipped_for
from .train import train
from .training_config import TrainingConfig, read_config

START_FOLDER = "start"
HEADS = "seg_layers"


def train_on_painted_lesions(
    config: TrainingConfig,
    data_roots: Sequence[Path],
    output: Path,
    resume: bool = False,
    organ_model: Path | None = None,
    progress: Progress = SILENT,
) -> Path:
    """Train until the budget is spent and return the path of the final checkpoint; parameters as of `train`.

    Parameters
    ----------
    organ_model
        A model folder whose layers are taken over where their names (counted from the fine end) and shapes agree.
    """
    (output / "cache").mkdir(parents=True, exist_ok=True)
    intensity = measure_intensity(config, data_roots, output / "cache")
    start = None if organ_model is None else write_start(config, intensity, organ_model, output / START_FOLDER)
    painter = LesionPainter(intensity.mean, intensity.std)
    return train(config, data_roots, output, resume, start, painter, progress)


def write_start(config: TrainingConfig, intensity: Intensity, organ_model: Path, folder: Path) -> Path:
    """Write the fresh network with the organ model's layers as a model folder and return its path."""
    torch.manual_seed(config.seed)
    network = PlainConvUNet(config.architecture)
    initialise_weights(network)
    model = read_model_folder(organ_model)
    borrow_layers(network, load_networks(model, torch.device("cpu"))[0])
    return write_model_folder(network, config, intensity, ModelFacts("start", model.licence), folder)


def borrow_layers(network: UNet, donor: UNet) -> int:
    """Copy every layer of a donor that has a counterpart of the same shape; returns how many tensors were copied.

    Decoder stages are counted from the fine end, so that a network with fewer stages takes the donor's finest.
    """
    shift = len(donor.arch.features) - len(network.arch.features)
    given, taken = donor.state_dict(), network.state_dict()
    copied = 0
    for name, tensor in taken.items():
        source = given.get(_shifted(name, shift))
        if source is not None and source.shape == tensor.shape and HEADS not in name:
            tensor.copy_(source)
            copied += 1
    return copied


def _shifted(name: str, shift: int) -> str:
    """The donor's name of a tensor: "decoder.stages.0..." becomes "decoder.stages.1..." for a shift of one."""
    parts = name.split(".")
    if parts[0] == "decoder" and parts[1] in ("stages", "transpconvs"):
        parts[2] = str(int(parts[2]) + shift)
    return ".".join(parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a training from the command line."""
    parser = argparse.ArgumentParser(prog="python -m segmentation.lesion_training", description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders that hold the case sources")
    parser.add_argument("--output", type=Path, required=True, help="where checkpoints and the log go")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--organ-model", type=Path, default=shipped_for("CT").folder, help="whose layers to start with")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    config = read_config(options.config)
    train_on_painted_lesions(config, options.data, options.output, options.resume, options.organ_model)
    return 0


if __name__ == "__main__":
    sys.exit(main())
