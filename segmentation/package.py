"""Writing a trained network as an nnU-Net v2 model folder: ``python -m segmentation.package RUN CONFIG OUTPUT``.

The averaged weights are stored once each (nnU-Net's state dict names them several times) and in half precision.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .architecture_plan import PLAIN_UNET
from .dataset import Intensity
from .model_folder import CHECKPOINT
from .network import PlainConvUNet, UNetArchitecture
from .plans import RESAMPLING_FUNCTION
from .training_config import TrainingConfig, read_config
from .training_log import LOG_NAME
from .training_run import CHECKPOINT_NAME, read_checkpoint

ORIENTATION = "LPS"
FOLD = "fold_0"
CONFIGURATION = "3d_fullres"


@dataclass(frozen=True)
class ModelFacts:
    """What the folder says about the model beside its plan."""

    version: str
    licence: str
    largest_only: tuple[str, ...] = ()
    reach_mm: Mapping[str, float] = field(default_factory=dict)
    training_cases: int = 0


def package_run(run: Path, config: TrainingConfig, facts: ModelFacts, output: Path) -> Path:
    """Write the averaged weights of a training run's last checkpoint as a model folder.

    Raises
    ------
    ModelError
        If the run has no checkpoint, or a damaged one.
    """
    state = read_checkpoint(run / CHECKPOINT_NAME, torch.device("cpu"))
    intensity = Intensity(**json.loads((run / "cache" / "intensity.json").read_text(encoding="utf-8")))
    network = PlainConvUNet(config.architecture)
    network.load_state_dict(state["average"])
    return write_model_folder(network, config, intensity, facts, output)


def write_model_folder(
    network: PlainConvUNet, config: TrainingConfig, intensity: Intensity, facts: ModelFacts, output: Path
) -> Path:
    """Write dataset.json, plans.json and the checkpoint; returns the folder."""
    (output / FOLD).mkdir(parents=True, exist_ok=True)
    dataset, plans = dataset_json(config, facts), plans_json(config, intensity)
    (output / "dataset.json").write_text(json.dumps(dataset, indent=2) + "\n", encoding="utf-8")
    (output / "plans.json").write_text(json.dumps(plans, indent=2) + "\n", encoding="utf-8")
    checkpoint = {
        "network_weights": half_precision(network.state_dict()),
        "trainer_name": "nnUNetTrainer",
        "init_args": {"configuration": CONFIGURATION, "fold": 0},
        "inference_allowed_mirroring_axes": None,
    }
    torch.save(checkpoint, output / FOLD / CHECKPOINT)
    return output


def half_precision(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights as float16, names that share a tensor still sharing it."""
    stored: dict[int, Tensor] = {}
    result = {}
    for name, value in weights.items():
        key = value.data_ptr()
        if key not in stored:
            stored[key] = value.detach().cpu().contiguous().to(torch.float16).clone()
        result[name] = stored[key]
    return result


def dataset_json(config: TrainingConfig, facts: ModelFacts) -> dict[str, Any]:
    """Return nnU-Net's dataset.json with this program's own additions at the end."""
    return {
        "channel_names": {"0": config.modality},
        "labels": dict(config.labels),
        "numTraining": facts.training_cases,
        "file_ending": ".nii.gz",
        "name": config.name,
        "version": facts.version,
        "licence": facts.licence,
        "image_orientation": ORIENTATION,
        "largest_only": list(facts.largest_only),
        "reach_mm": dict(facts.reach_mm),
    }


def plans_json(config: TrainingConfig, intensity: Intensity) -> dict[str, Any]:
    """Return nnU-Net's plans.json of this training."""
    statistics = {
        "mean": intensity.mean,
        "std": intensity.std,
        "median": intensity.median,
        "min": intensity.low,
        "max": intensity.high,
        "percentile_00_5": intensity.low,
        "percentile_99_5": intensity.high,
    }
    return {
        "dataset_name": config.name,
        "plans_name": "surgtwinPlans",
        "original_median_spacing_after_transp": list(config.spacing_mm),
        "original_median_shape_after_transp": list(config.patch),
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "experiment_planner_used": "surgtwin",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {"0": statistics},
        "configurations": {CONFIGURATION: _configuration(config)},
    }


def _configuration(config: TrainingConfig) -> dict[str, Any]:
    kwargs = {"force_separate_z": False, "order_z": 0}
    return {
        "data_identifier": f"surgtwin_{CONFIGURATION}",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": config.batch_size,
        "patch_size": list(config.patch),
        "median_image_size_in_voxels": list(config.patch),
        "spacing": list(config.spacing_mm),
        "normalization_schemes": [config.normalisation],
        "use_mask_for_norm": [False],
        "resampling_fn_data": RESAMPLING_FUNCTION,
        "resampling_fn_data_kwargs": {"is_seg": False, "order": 3, **kwargs},
        "resampling_fn_seg": RESAMPLING_FUNCTION,
        "resampling_fn_seg_kwargs": {"is_seg": True, "order": 1, **kwargs},
        "resampling_fn_probabilities": RESAMPLING_FUNCTION,
        "resampling_fn_probabilities_kwargs": {"is_seg": False, "order": 1, **kwargs},
        "batch_dice": True,
        "architecture": _architecture(config.architecture),
    }


def _architecture(arch: UNetArchitecture) -> dict[str, Any]:
    return {
        "network_class_name": PLAIN_UNET,
        "arch_kwargs": {
            "n_stages": len(arch.features),
            "features_per_stage": list(arch.features),
            "conv_op": "torch.nn.modules.conv.Conv3d",
            "kernel_sizes": [list(k) for k in arch.kernel_sizes],
            "strides": [list(s) for s in arch.strides],
            "n_conv_per_stage": list(arch.encoder_convs),
            "n_conv_per_stage_decoder": list(arch.decoder_convs),
            "conv_bias": arch.conv_bias,
            "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
            "norm_op_kwargs": {"eps": arch.norm_eps, "affine": arch.norm_affine},
            "dropout_op": None,
            "dropout_op_kwargs": None,
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": {"inplace": True},
        },
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }


def count_cases(run: Path) -> int:
    """Return how many cases a run's last start trained on."""
    log = (run / LOG_NAME).read_text(encoding="utf-8").splitlines()
    starts = [json.loads(line) for line in log if '"event": "start"' in line]
    return len(starts[-1]["cases"])


def _reach(text: str) -> tuple[str, float]:
    name, _, mm = text.rpartition("=")
    return name, float(mm)


def main(arguments: Sequence[str] | None = None) -> int:
    """Package a run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m segmentation.package", description=__doc__)
    parser.add_argument("run", type=Path, help="the training run's output folder")
    parser.add_argument("config", type=Path)
    parser.add_argument("output", type=Path, help="model folder to write")
    parser.add_argument("--version", default="1.0")
    parser.add_argument("--licence", required=True)
    parser.add_argument("--largest-only", nargs="*", default=[], help="structures of which one piece is kept")
    parser.add_argument(
        "--reach",
        nargs="*",
        default=[],
        type=_reach,
        metavar="NAME=MM",
        help="pieces farther from the largest are cleared",
    )
    options = parser.parse_args(arguments)
    config = read_config(options.config)
    cases = count_cases(options.run)
    facts = ModelFacts(options.version, options.licence, tuple(options.largest_only), dict(options.reach), cases)
    package_run(options.run, config, facts, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
