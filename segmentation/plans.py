"""nnU-Net v2's ``plans.json`` and ``dataset.json``: how an image must be prepared and which network to build.

Both generations of plans are read: those that describe the network by ``architecture`` and the older ones by
``UNet_class_name``. Nothing named in a file is imported; networks come from the allow-list below.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from surgtwin.errors import ModelError

from .network import NORM_EPS, Triple, UNetArchitecture

PLAIN_UNET = "dynamic_network_architectures.architectures.unet.PlainConvUNet"
ALLOWED_NETWORKS = {PLAIN_UNET: "plain", "PlainConvUNet": "plain"}
ALLOWED_OPERATORS = {
    "conv_op": ("torch.nn.modules.conv.Conv3d", "torch.nn.Conv3d"),
    "norm_op": ("torch.nn.modules.instancenorm.InstanceNorm3d", "torch.nn.InstanceNorm3d"),
    "nonlin": ("torch.nn.modules.activation.LeakyReLU", "torch.nn.LeakyReLU"),
    "dropout_op": (None,),
}
NORMALISATIONS = ("CTNormalization", "ZScoreNormalization", "NoNormalization", "RescaleTo01Normalization")
RESAMPLING_FUNCTION = "resample_data_or_seg_to_shape"
MAX_STAGES = 10
MAX_FEATURES = 2048
MAX_PATCH_VOXELS = 512**3
Json = Mapping[str, Any]


@dataclass(frozen=True)
class ResampleRule:
    """How nnU-Net resamples: spline order in general, and along a coarse axis treated apart."""

    order: int
    order_z: int = 0
    force_separate_z: bool | None = None


@dataclass(frozen=True)
class ChannelNormalisation:
    """What is done to one channel's values before resampling."""

    scheme: str
    use_mask: bool
    mean: float = 0.0
    std: float = 1.0
    low: float = 0.0
    high: float = 0.0


@dataclass(frozen=True)
class ModelPlan:
    """One configuration of a plans file, resolved. Axes are the transposed ones, spacing is mm."""

    configuration: str
    spacing_mm: tuple[float, float, float]
    patch: Triple
    transpose_forward: Triple
    normalisation: tuple[ChannelNormalisation, ...]
    image_rule: ResampleRule
    logit_rule: ResampleRule
    architecture: UNetArchitecture


@dataclass(frozen=True)
class LabelScheme:
    """What the network's outputs mean.

    Parameters
    ----------
    names
        Structure name -> label value in the label map, background left out.
    region_order
        Empty for exclusive classes (argmax). Else output n, where positive, paints this label value, in order.
    head_count
        The number of the network's outputs.
    """

    names: dict[str, int]
    region_order: tuple[int, ...]
    head_count: int


def read_labels(dataset: Json) -> LabelScheme:
    """Return the label scheme of a ``dataset.json``.

    Raises
    ------
    ModelError
        If labels are missing, not consecutive, or regions have no painting order.
    """
    labels = _need(dataset, "labels", "dataset.json")
    if labels.get("background") != 0:
        raise ModelError("dataset.json names no background with value 0; the labels can't be interpreted.")
    given = {str(n): v for n, v in labels.items() if n not in ("background", "ignore")}
    if any(isinstance(value, list | tuple) for value in given.values()):
        order = tuple(int(v) for v in dataset.get("regions_class_order") or ())
        if len(order) != len(given):
            raise ModelError("dataset.json has regions but its regions_class_order does not name each once.")
        return LabelScheme(dict(zip(given, order, strict=True)), order, len(order))
    names = {name: int(value) for name, value in given.items()}
    if sorted(names.values()) != list(range(1, len(names) + 1)):
        raise ModelError(f"Label values must be 1 to {len(names)} without gaps; found {sorted(names.values())}.")
    return LabelScheme(names, (), len(names) + 1)


def read_plan(plans: Json, dataset: Json, configuration: str) -> ModelPlan:
    """Return one resolved configuration of a ``plans.json``.

    Raises
    ------
    ModelError
        If something is missing, absurd, or needs code this program does not have.
    """
    raw = resolve_configuration(plans, configuration)
    channels = dataset.get("channel_names") or dataset.get("modality") or {}
    if not channels:
        raise ModelError("dataset.json has no channel_names.")
    if raw.get("previous_stage"):
        raise ModelError(f"Configuration {configuration} is the second stage of a cascade, which is not supported.")
    spacing = tuple(float(v) for v in _need(raw, "spacing", configuration))
    if len(spacing) != 3 or len(raw["patch_size"]) != 3:
        raise ModelError(f"Configuration {configuration} is two-dimensional; only 3-D models are supported.")
    patch = _triple(raw["patch_size"])
    if min(spacing) <= 0 or min(patch) < 1 or patch[0] * patch[1] * patch[2] > MAX_PATCH_VOXELS:
        raise ModelError(f"Spacing {spacing} or patch {patch} of configuration {configuration} is not plausible.")
    forward = _triple(plans.get("transpose_forward", (0, 1, 2)))
    if sorted(forward) != [0, 1, 2]:
        raise ModelError(f"transpose_forward {forward} is not a permutation of the three axes.")
    architecture = read_architecture(raw, len(channels), read_labels(dataset).head_count)
    if any(p % d for p, d in zip(patch, architecture.divisor, strict=True)):
        raise ModelError(f"The patch {patch} is not divisible by the network's strides {architecture.divisor}.")
    return ModelPlan(
        configuration=configuration,
        spacing_mm=(spacing[0], spacing[1], spacing[2]),
        patch=patch,
        transpose_forward=forward,
        normalisation=_normalisation(plans, raw, len(channels)),
        image_rule=_rule(raw, "resampling_fn_data", 3),
        logit_rule=_rule(raw, "resampling_fn_probabilities", 1),
        architecture=architecture,
    )


def resolve_configuration(plans: Json, name: str) -> dict[str, Any]:
    """Return a configuration with everything it inherits; the nearer value wins."""
    configurations = _need(plans, "configurations", "plans.json")
    chain: list[str] = []
    current: str | None = name
    while current is not None:
        if current in chain:
            raise ModelError(f"Configurations inherit from each other in a circle: {' -> '.join([*chain, current])}.")
        if current not in configurations:
            raise ModelError(f"plans.json has no configuration {current}; it has {', '.join(configurations)}.")
        chain.append(current)
        current = configurations[current].get("inherits_from")
    merged: dict[str, Any] = {}
    for step in reversed(chain):
        merged.update(configurations[step])
    return merged


def read_architecture(raw: Json, channels: int, heads: int) -> UNetArchitecture:
    """Return the network a configuration asks for, if it is one this program can build."""
    if "architecture" in raw:
        class_name = str(raw["architecture"].get("network_class_name"))
        arguments = raw["architecture"].get("arch_kwargs", {})
    else:
        class_name, arguments = _old_architecture(raw)
    if class_name not in ALLOWED_NETWORKS:
        allowed = ", ".join(sorted(ALLOWED_NETWORKS))
        raise ModelError(f"The model needs the network {class_name}; this program builds {allowed} only.")
    for key, names in ALLOWED_OPERATORS.items():
        if key in arguments and arguments[key] not in names:
            raise ModelError(f"The model's {key} is {arguments[key]}; supported is {names[0]}.")
    return _build_architecture(arguments, channels, heads)


def _build_architecture(arguments: Json, channels: int, heads: int) -> UNetArchitecture:
    stages = int(_need(arguments, "n_stages", "arch_kwargs"))
    features = _per_stage(_need(arguments, "features_per_stage", "arch_kwargs"), stages)
    if not 2 <= stages <= MAX_STAGES or max(features) > MAX_FEATURES or min(features) < 1:
        raise ModelError(f"A U-Net with {stages} stages and features {features} is not plausible.")
    norm = arguments.get("norm_op_kwargs") or {}
    try:
        return UNetArchitecture(
            in_channels=channels,
            class_count=heads,
            features=features,
            kernel_sizes=tuple(_triple(k) for k in _need(arguments, "kernel_sizes", "arch_kwargs")),
            strides=tuple(_triple(s) for s in _need(arguments, "strides", "arch_kwargs")),
            encoder_convs=_per_stage(_need(arguments, "n_conv_per_stage", "arch_kwargs"), stages),
            decoder_convs=_per_stage(_need(arguments, "n_conv_per_stage_decoder", "arch_kwargs"), stages - 1),
            conv_bias=bool(arguments.get("conv_bias", True)),
            norm_eps=float(norm.get("eps", NORM_EPS)),
            norm_affine=bool(norm.get("affine", False)),
        )
    except ValueError as error:
        raise ModelError(str(error)) from error


def _old_architecture(raw: Json) -> tuple[str, dict[str, Any]]:
    """Translate the older plans' keys into those of today."""
    stages = len(_need(raw, "n_conv_per_stage_encoder", "plans.json"))
    base, largest = int(_need(raw, "UNet_base_num_features", "plans.json")), int(raw.get("unet_max_num_features", 320))
    return str(raw.get("UNet_class_name")), {
        "n_stages": stages,
        "features_per_stage": [min(base * 2**i, largest) for i in range(stages)],
        "kernel_sizes": _need(raw, "conv_kernel_sizes", "plans.json"),
        "strides": _need(raw, "pool_op_kernel_sizes", "plans.json"),
        "n_conv_per_stage": raw["n_conv_per_stage_encoder"],
        "n_conv_per_stage_decoder": _need(raw, "n_conv_per_stage_decoder", "plans.json"),
        "conv_bias": True,
        "norm_op_kwargs": {"eps": NORM_EPS, "affine": True},
    }


def _normalisation(plans: Json, raw: Json, channels: int) -> tuple[ChannelNormalisation, ...]:
    schemes = _need(raw, "normalization_schemes", "plans.json")
    masks = raw.get("use_mask_for_norm") or [False] * channels
    properties = plans.get("foreground_intensity_properties_per_channel") or {}
    if len(schemes) != channels or len(masks) != channels:
        raise ModelError(f"plans.json normalises {len(schemes)} channels, dataset.json names {channels}.")
    result = []
    for n, (scheme, mask) in enumerate(zip(schemes, masks, strict=True)):
        if scheme not in NORMALISATIONS:
            raise ModelError(
                f"The model's normalisation {scheme} is not supported; known: {', '.join(NORMALISATIONS)}."
            )
        known = properties.get(str(n), {})
        if scheme == "CTNormalization" and not known:
            raise ModelError("plans.json lacks the intensity statistics that CTNormalization needs.")
        keys = {"mean": "mean", "std": "std", "low": "percentile_00_5", "high": "percentile_99_5"}
        numbers = {field: float(known[key]) for field, key in keys.items() if key in known}
        result.append(ChannelNormalisation(str(scheme), bool(mask), **numbers))
    return tuple(result)


def _rule(raw: Json, key: str, order: int) -> ResampleRule:
    function = raw.get(key, RESAMPLING_FUNCTION)
    if function != RESAMPLING_FUNCTION:
        raise ModelError(f"The model resamples with {function}; supported is {RESAMPLING_FUNCTION}.")
    given = raw.get(f"{key}_kwargs") or {}
    force = given.get("force_separate_z")
    rule = ResampleRule(
        int(given.get("order", order)), int(given.get("order_z", 0)), None if force is None else bool(force)
    )
    if rule.order not in (0, 1, 3) or rule.order_z not in (0, 1):
        raise ModelError(f"Resampling of order {rule.order}/{rule.order_z} is not supported.")
    return rule


def _need(table: Json, key: str, where: str) -> Any:  # JSON holds anything; callers convert
    if key not in table:
        raise ModelError(f"{where} lacks {key}.")
    return table[key]


def _per_stage(value: Any, stages: int) -> tuple[int, ...]:
    return (int(value),) * stages if isinstance(value, int) else tuple(int(v) for v in value)


def _triple(value: Any) -> Triple:
    if isinstance(value, int):
        return (value, value, value)
    numbers = [int(v) for v in value]
    if len(numbers) != 3:
        raise ModelError(f"Three numbers were needed, one per axis; found {numbers}.")
    return (numbers[0], numbers[1], numbers[2])
