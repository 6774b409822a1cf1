"""Small model folders, images and nnU-Net's own predictions: what our engine must reproduce.

    PEER/bin/python benchmarks/make_parity_fixtures.py [--output tests/segmentation/fixtures] [--only NAME ...]

Runs in an environment that has `nnunetv2` (2.8.1 was used), which is no dependency of the project. Each case builds the
peer's network from a plans file, trains it for some seconds on synthetic ellipsoids that the peer preprocessed, writes
the model folder as the peer does, and keeps the image and the peer's prediction in `case.npz`. No patient's data.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from dynamic_network_architectures import architectures
from dynamic_network_architectures.architectures import unet
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
from nnunetv2.utilities.label_handling.label_handling import convert_labelmap_to_one_hot
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

UNET = "dynamic_network_architectures.architectures.unet."
TRAINER, PLANS = "nnUNetTrainer", "nnUNetPlans"
LEAST_VOXELS = 700
"""Of a structure in the peer's prediction: its half-precision sums turn one or two voxels of an undecided border."""
LEARNING_RATE = 6e-3
MAX_ITERATIONS = 900
"""Training goes on until the loss is low: a network that has not learned both structures would prove little."""
INTENSITY_STEP = 8
"""Values are multiples of this, so that images compress well."""
ORGANS = {"background": 0, "liver": 1, "spleen": 2}


@dataclass(frozen=True)
class Case:
    """One model folder and image; spacings are [k, j, i] in mm, the plan's in transposed axes."""

    name: str
    configuration: str = "3d_fullres"
    labels: Mapping[str, Any] = field(default_factory=lambda: ORGANS)
    regions_class_order: tuple[int, ...] | None = None
    channels: tuple[str, ...] = ("CT",)
    normalisation: tuple[str, ...] = ("CTNormalization",)
    use_mask: tuple[bool, ...] = (False,)
    shape: tuple[int, int, int] = (22, 42, 38)
    image_spacing: tuple[float, float, float] = (2.0, 1.5, 1.6)
    plan_spacing: tuple[float, ...] = (2.4, 2.0, 2.0)
    patch: tuple[int, ...] = (12, 24, 24)
    transpose_forward: tuple[int, int, int] = (0, 1, 2)
    strides: tuple[tuple[int, ...], ...] = ((1, 1, 1), (1, 2, 2), (2, 2, 2))
    residual: bool = False
    old_plans: bool = False
    mirror_axes: tuple[int, ...] | None = None
    folds: int = 1
    zero_border: bool = False
    value_range: tuple[float, float] = (-400.0, 400.0)
    iterations: int = 200
    low_loss: float = 0.12


CASES = (
    Case("plain"),
    Case("older_plans", old_plans=True, channels=("MRI",), normalisation=("ZScoreNormalization",), folds=1),
    Case("residual_encoder", residual=True),
    Case("older_residual", residual=True, old_plans=True),
    Case(
        "transposed",
        transpose_forward=(2, 0, 1),
        plan_spacing=(1.9, 2.3, 1.8),
        normalisation=("RescaleTo01Normalization",),
    ),
    Case(
        "anisotropic",
        shape=(14, 48, 44),
        image_spacing=(6.0, 1.2, 1.3),
        plan_spacing=(5.0, 1.6, 1.6),
        patch=(8, 24, 24),
        strides=((1, 1, 1), (1, 2, 2), (1, 2, 2)),
    ),
    Case("thick_image", shape=(12, 46, 42), image_spacing=(6.5, 1.5, 1.6)),
    Case("mirrored", mirror_axes=(0, 1, 2), iterations=150),
    Case("several_folds", folds=3, iterations=150),
    Case(
        "regions",
        labels={"background": 0, "whole": [1, 2], "core": 2},
        regions_class_order=(1, 2),
        normalisation=("RGBTo01Normalization",),
        value_range=(0.0, 255.0),
        low_loss=0.04,
    ),
    Case("ignore_label", labels={**ORGANS, "ignore": 3}),
    Case(
        "masked",
        channels=("T1", "T2"),
        normalisation=("ZScoreNormalization", "RescaleTo01Normalization"),
        use_mask=(True, False),
        zero_border=True,
    ),
    Case(
        "flat",
        configuration="2d",
        plan_spacing=(2.0, 2.0),
        patch=(24, 24),
        strides=((1, 1), (2, 2), (2, 2)),
        mirror_axes=(0, 1),
    ),
    Case("flat_transposed", configuration="2d", transpose_forward=(1, 0, 2), plan_spacing=(2.4, 2.0), patch=(16, 24),
         strides=((1, 1), (2, 2), (2, 2))),
    Case("low_resolution", configuration="3d_lowres", plan_spacing=(3.0, 3.0, 3.0), patch=(8, 16, 16),
         normalisation=("NoNormalization",), value_range=(-2.0, 2.0)),
    Case("cascade", configuration="3d_cascade_fullres"),
)  # fmt: skip


def make_image(case: Case, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Channels ``[c, k, j, i]`` int16 and labels: a large ellipsoid, a smaller one inside or beside it, noise."""
    rng = np.random.default_rng(seed)
    sizes = np.array(case.shape) * case.image_spacing
    positions = np.stack(np.meshgrid(*(np.arange(n) for n in case.shape), indexing="ij"), -1) * case.image_spacing
    nested = case.regions_class_order is not None
    labels = np.zeros(case.shape, np.uint8)
    middle = sizes * (0.42 + 0.05 * rng.standard_normal(3))
    labels[_ellipsoid(positions, middle, 0.30 * sizes)] = 1
    other = middle + (0.06 if nested else 0.30) * sizes
    labels[_ellipsoid(positions, other, (0.20 if nested else 0.26) * sizes)] = 2
    low, high = case.value_range
    levels = np.array([0.3, 0.6, 0.8]) * (high - low) + low
    scale = 1.0 if high - low < 50 else float(INTENSITY_STEP)
    channels = []
    for c in range(len(case.channels)):
        noisy = np.roll(levels, c)[labels] + 0.04 * (high - low) * rng.standard_normal(case.shape)
        steps = np.round(noisy / scale * (16 if scale == 1.0 else 1)) / (16 if scale == 1.0 else 1)
        values = np.clip(steps * scale, low, high)
        if case.zero_border:
            values[~_ellipsoid(positions, sizes / 2, 0.47 * sizes)] = 0
        channels.append(values)
    dtype = np.float32 if scale == 1.0 else np.int16
    return np.stack(channels).astype(dtype), labels


def _ellipsoid(positions: np.ndarray, middle: np.ndarray, radii: np.ndarray) -> np.ndarray:
    return (((positions - middle) / radii) ** 2).sum(-1) < 1


def dataset_json(case: Case) -> dict[str, Any]:
    dataset: dict[str, Any] = {
        "channel_names": {str(n): name for n, name in enumerate(case.channels)},
        "labels": dict(case.labels),
        "numTraining": 1,
        "file_ending": ".nii.gz",
        "name": f"parity {case.name}",
    }
    if case.regions_class_order:
        dataset["regions_class_order"] = list(case.regions_class_order)
    return dataset


def plans_json(case: Case) -> dict[str, Any]:
    statistics = {"mean": 80.0, "std": 120.0, "median": 90.0, "min": -300.0, "max": 390.0}
    statistics |= {"percentile_00_5": -250.0, "percentile_99_5": 350.0}
    base = configuration_json(case)
    configurations: dict[str, Any] = {case.configuration: base}
    if case.configuration == "3d_lowres":
        low = {"inherits_from": "3d_fullres", "spacing": base["spacing"], "next_stage": "3d_cascade_fullres"}
        configurations = {"3d_fullres": {**base, "spacing": [2.0, 2.0, 2.0]}, "3d_lowres": low}
    if case.configuration == "3d_cascade_fullres":
        low = {"inherits_from": "3d_fullres", "spacing": [3.2, 3.0, 3.0], "next_stage": "3d_cascade_fullres"}
        configurations = {
            "3d_fullres": base,
            "3d_lowres": low,
            "3d_cascade_fullres": {"inherits_from": "3d_fullres", "previous_stage": "3d_lowres"},
        }
    return {
        "dataset_name": "Dataset999_Parity",
        "plans_name": PLANS,
        "original_median_spacing_after_transp": [2.0, 2.0, 2.0],
        "original_median_shape_after_transp": [20, 30, 30],
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": list(case.transpose_forward),
        "transpose_backward": [int(n) for n in np.argsort(case.transpose_forward)],
        "configurations": configurations,
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {str(n): statistics for n in range(len(case.channels))},
    }


def configuration_json(case: Case) -> dict[str, Any]:
    resampling = {"force_separate_z": None, "order_z": 0}
    shared = {
        "data_identifier": "parity",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": list(case.patch),
        "spacing": list(case.plan_spacing),
        "normalization_schemes": list(case.normalisation),
        "use_mask_for_norm": list(case.use_mask),
        "resampling_fn_data": "resample_data_or_seg_to_shape",
        "resampling_fn_data_kwargs": {"is_seg": False, "order": 3, **resampling},
        "resampling_fn_seg": "resample_data_or_seg_to_shape",
        "resampling_fn_seg_kwargs": {"is_seg": True, "order": 1, **resampling},
        "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
        "resampling_fn_probabilities_kwargs": {"is_seg": False, "order": 1, **resampling},
        "batch_dice": True,
    }
    return {**shared, **(old_network_json(case) if case.old_plans else new_network_json(case))}


def network_lists(case: Case) -> tuple[list[list[int]], list[list[int]], list[int]]:
    strides = [list(s) for s in case.strides]
    dims = len(strides[0])
    return [[3] * dims for _ in strides], strides, [1] * (len(strides) - 1) + [2]


def new_network_json(case: Case) -> dict[str, Any]:
    kernels, strides, convs = network_lists(case)
    dims = len(strides[0])
    return {
        "architecture": {
            "network_class_name": UNET + ("ResidualEncoderUNet" if case.residual else "PlainConvUNet"),
            "arch_kwargs": {
                "n_stages": len(strides),
                "features_per_stage": [4, 6, 8],
                "conv_op": f"torch.nn.modules.conv.Conv{dims}d",
                "kernel_sizes": kernels,
                "strides": strides,
                ("n_blocks_per_stage" if case.residual else "n_conv_per_stage"): convs,
                "n_conv_per_stage_decoder": [1] * (len(strides) - 1),
                "conv_bias": True,
                "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{dims}d",
                "norm_op_kwargs": {"eps": 1e-05, "affine": True},
                "dropout_op": None,
                "dropout_op_kwargs": None,
                "nonlin": "torch.nn.LeakyReLU",
                "nonlin_kwargs": {"inplace": True},
            },
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
        }
    }


def old_network_json(case: Case) -> dict[str, Any]:
    kernels, strides, convs = network_lists(case)
    return {
        "UNet_class_name": "ResidualEncoderUNet" if case.residual else "PlainConvUNet",
        "UNet_base_num_features": 4,
        "unet_max_num_features": 10,
        "n_conv_per_stage_encoder": convs,
        "n_conv_per_stage_decoder": [1] * (len(strides) - 1),
        "num_pool_per_axis": [1, 2, 2],
        "pool_op_kernel_sizes": strides,
        "conv_kernel_sizes": kernels,
    }


@dataclass(frozen=True)
class Stage:
    """A configuration in the peer's terms, and what it is trained on."""

    case: Case
    name: str
    plans: PlansManager
    dataset: dict[str, Any]

    @property
    def configuration(self) -> Any:
        return self.plans.get_configuration(self.name)

    @property
    def labels(self) -> Any:
        return self.plans.get_label_manager(self.dataset)

    def prepared(self, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        """A synthetic image and its labels as the peer prepares them."""
        image, truth = make_image(self.case, seed)
        properties = {"spacing": list(self.case.image_spacing)}
        data, labels, _ = self.configuration.preprocessor_class(verbose=False).run_case_npy(
            image, truth[None].astype(np.int16), properties, self.plans, self.configuration, self.dataset
        )
        if self.configuration.previous_stage_name:
            before = np.roll(labels[0], (1, -1, 1), (0, 1, 2))
            data = np.vstack((data, convert_labelmap_to_one_hot(before, self.labels.foreground_labels, data.dtype)))
        return torch.from_numpy(np.ascontiguousarray(data)).float(), torch.from_numpy(labels[0].astype(np.int64))


def train(stage: Stage, seed: int) -> torch.nn.Module:
    """The peer's network after a short training: enough that its labels have smooth, definite borders."""
    torch.manual_seed(seed)
    architecture = stage.configuration.configuration["architecture"]
    images = [stage.prepared(seed * 10 + n) for n in range(2)]
    network = get_network_from_plans(
        architecture["network_class_name"],
        architecture["arch_kwargs"],
        architecture["_kw_requires_import"],
        images[0][0].shape[0],
        stage.labels.num_segmentation_heads,
        deep_supervision=False,
    )
    optimiser = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE)
    running = 1.0
    rng = np.random.default_rng(seed)
    patch = tuple(stage.configuration.patch_size)
    for step in range(MAX_ITERATIONS):
        if step >= stage.case.iterations and running < stage.case.low_loss:
            break
        data, labels = images[int(rng.integers(len(images)))]
        x, y = random_patch(data, labels, patch, rng)
        loss = loss_of(network(x), y, stage.labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        running = 0.97 * running + 0.03 * float(loss.detach())
    return network.eval()


def random_patch(data: torch.Tensor, labels: torch.Tensor, patch: tuple[int, ...], rng: Any) -> tuple[Any, Any]:
    """A patch around a voxel of a randomly chosen structure or the background; one slice for a flat network."""
    missing = [max(0, p - n) for p, n in zip(patch, labels.shape[-len(patch) :], strict=True)]
    if any(missing):
        sides = [s for m in reversed(missing) for s in (m // 2, m - m // 2)]
        data = torch.nn.functional.pad(data, sides)
        labels = torch.nn.functional.pad(labels, sides)
    centres = torch.nonzero(labels == int(rng.integers(3)))
    centre = centres[int(rng.integers(len(centres)))].tolist()
    box = centre[: labels.ndim - len(patch)]
    for n, p, c in zip(labels.shape[-len(patch) :], patch, centre[-len(patch) :], strict=True):
        start = min(max(0, c - p // 2), n - p)
        box.append(slice(start, start + p))
    return data[(slice(None), *box)][None], labels[tuple(box)][None].clamp_min(0)


def loss_of(logits: torch.Tensor, truth: torch.Tensor, labels: Any) -> torch.Tensor:
    if not labels.has_regions:
        return torch.nn.functional.cross_entropy(logits, truth)
    regions = [r if isinstance(r, tuple) else (r,) for r in labels.foreground_regions]
    wanted = torch.stack([torch.isin(truth, torch.tensor(r)) for r in regions], 1).float()
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, wanted)


def save_model(stage: Stage, folder: Path, networks: list[torch.nn.Module]) -> None:
    (folder / "dataset.json").parent.mkdir(parents=True)
    (folder / "dataset.json").write_text(json.dumps(stage.dataset, indent=1) + "\n")
    (folder / "plans.json").write_text(json.dumps(plans_json(stage.case), indent=1) + "\n")
    for fold, network in enumerate(networks):
        (folder / f"fold_{fold}").mkdir()
        kept: dict[int, torch.Tensor] = {}
        weights = {}
        for name, value in network.state_dict().items():
            kept.setdefault(value.data_ptr(), value.detach().half())
            weights[name] = kept[value.data_ptr()]
        checkpoint = {
            "network_weights": weights,
            "optimizer_state": None,
            "grad_scaler_state": None,
            "logging": {"mean_fg_dice": [np.float64(0.5)], "ema_fg_dice": [np.float32(0.5)]},
            "_best_ema": np.float64(0.5),
            "current_epoch": 1,
            "init_args": {"configuration": stage.name, "fold": fold, "dataset_json": stage.dataset},
            "trainer_name": TRAINER,
            "inference_allowed_mirroring_axes": stage.case.mirror_axes,
        }
        torch.save(checkpoint, folder / f"fold_{fold}" / "checkpoint_final.pth")


def predict(folder: Path, case: Case, image: np.ndarray, before: np.ndarray | None) -> np.ndarray:
    """The peer's own labels ``[k, j, i]`` with its defaults: step 0.5, Gaussian, mirroring where allowed."""
    predictor = nnUNetPredictor(
        tile_step_size=0.5, use_gaussian=True, use_mirroring=True, perform_everything_on_device=False,
        device=torch.device("cpu"), allow_tqdm=False,
    )  # fmt: skip
    predictor.initialize_from_trained_model_folder(str(folder), None)
    first_stage = None if before is None else before[None].astype(np.int16)
    properties = {"spacing": list(case.image_spacing)}
    return predictor.predict_single_npy_array(image.astype(np.float32), properties, first_stage)


def make_case(case: Case, output: Path) -> None:
    folder = output / case.name
    if folder.exists():
        shutil.rmtree(folder)
    dataset = dataset_json(case)
    image, truth = make_image(case, 7)
    before = None
    for name in ("3d_lowres", case.configuration) if "cascade" in case.configuration else (case.configuration,):
        stage = Stage(case, name, PlansManager(plans_json(case)), dataset)
        model = folder / f"{TRAINER}__{PLANS}__{name}"
        save_model(stage, model, [train(stage, seed) for seed in range(1, case.folds + 1)])
        before = predict(model, case, image, before)
    prediction = np.asarray(before)
    counts = {int(v): int((prediction == v).sum()) for v in np.unique(truth) if v}
    if min(counts.values()) < LEAST_VOXELS:
        raise SystemExit(f"{case.name}: the peer finds too little of a structure: {counts}")
    np.savez_compressed(
        folder / "case.npz", image=image, spacing=np.array(case.image_spacing), prediction=prediction.astype(np.uint8)
    )
    both = {v: int(((prediction == v) & (truth == v)).sum()) for v in counts}
    dice = [2 * both[v] / (counts[v] + int((truth == v).sum())) for v in counts]
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    print(f"{case.name:18s} {size / 1024:6.0f} KiB  voxels {counts}  Dice to truth {np.round(dice, 2)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(__file__).resolve().parents[1] / "tests" / "segmentation" / "fixtures"
    parser.add_argument("--output", type=Path, default=default)
    parser.add_argument("--only", nargs="+", choices=[c.name for c in CASES])
    options = parser.parse_args()
    torch.set_num_threads(1)
    # Old plans name a module that today's package has renamed; the peer would search for it in slow, optional modules.
    sys.modules["dynamic_network_architectures.architectures.residual_unet"] = unet
    architectures.residual_unet = unet  # type: ignore[attr-defined]
    for case in CASES:
        if options.only is None or case.name in options.only:
            make_case(case, options.output)


if __name__ == "__main__":
    main()
