"""The network that a configuration of ``plans.json`` asks for, if it is one that this program builds.

Nothing named in a file is imported: names are compared with the allow-list below. Both generations of plans are read:
those that describe the network by ``architecture`` and the older ones by ``UNet_class_name``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from surgtwin.errors import ModelError

from .network import LEAKY_SLOPE, NORM_EPS, Sizes, UNetArchitecture

PLAIN_UNET = "dynamic_network_architectures.architectures.unet.PlainConvUNet"
RESIDUAL_UNET = "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet"
OLD_RESIDUAL_UNET = "dynamic_network_architectures.architectures.residual_unet.ResidualEncoderUNet"
IS_RESIDUAL = {
    PLAIN_UNET: False,
    "PlainConvUNet": False,
    RESIDUAL_UNET: True,
    OLD_RESIDUAL_UNET: True,
    "ResidualEncoderUNet": True,
}
"""The allow-list: class names, and whether the encoder is residual."""
OPERATORS = {
    "conv_op": ("torch.nn.modules.conv.Conv{n}d", "torch.nn.Conv{n}d"),
    "norm_op": ("torch.nn.modules.instancenorm.InstanceNorm{n}d", "torch.nn.InstanceNorm{n}d"),
    "nonlin": ("torch.nn.modules.activation.LeakyReLU", "torch.nn.LeakyReLU"),
    "dropout_op": (None,),
    "block": (None, "dynamic_network_architectures.building_blocks.residual.BasicBlockD"),
    "bottleneck_channels": (None,),
    "nonlin_first": (False,),
}
"""What each part of the network may be; {n} is the number of dimensions."""
KNOWN_ARGUMENTS = {
    "n_stages", "features_per_stage", "kernel_sizes", "strides", "n_conv_per_stage", "n_blocks_per_stage",
    "n_conv_per_stage_decoder", "conv_bias", "norm_op_kwargs", "dropout_op_kwargs", "nonlin_kwargs", "stem_channels",
    "deep_supervision", *OPERATORS,
}  # fmt: skip
KNOWN_DETAILS = {
    "norm_op_kwargs": {"eps", "affine", "momentum"},
    "nonlin_kwargs": {"inplace", "negative_slope"},
}
MAX_STAGES = 10
MAX_FEATURES = 2048
MAX_KERNEL = 15
MAX_CONVS = 32
Json = Mapping[str, Any]


def read_architecture(raw: Json, channels: int, heads: int) -> UNetArchitecture:
    """Return the network of a resolved configuration.

    Raises
    ------
    ModelError
        If it is none of the allow-list, differs from what this program builds, or is absurdly large.
    """
    if "architecture" in raw:
        class_name = str(raw["architecture"].get("network_class_name"))
        arguments = raw["architecture"].get("arch_kwargs", {})
    else:
        class_name, arguments = _old_architecture(raw)
    if class_name not in IS_RESIDUAL:
        allowed = ", ".join(sorted({name.rsplit(".", 1)[-1] for name in IS_RESIDUAL}))
        raise ModelError(f"The model needs the network {class_name}; this program builds {allowed} only.")
    kernels = _rows(need(arguments, "kernel_sizes", "arch_kwargs"))
    _check_parts(arguments, dimensions=len(kernels[0]) if kernels else 3)
    return _build(arguments, kernels, channels, heads, IS_RESIDUAL[class_name])


def need(table: Json, key: str, where: str) -> Any:  # JSON holds anything; callers convert
    """Return a value that must be there. Raises ModelError if it is not."""
    if key not in table:
        raise ModelError(f"{where} lacks {key}.")
    return table[key]


def _check_parts(arguments: Json, dimensions: int) -> None:
    for key, names in OPERATORS.items():
        known = [n.format(n=dimensions) if isinstance(n, str) else n for n in names]
        if key in arguments and arguments[key] not in known:
            raise ModelError(f"The model's {key} is {arguments[key]}; supported is {known[-1]}.")
    unknown = sorted(set(arguments) - KNOWN_ARGUMENTS)
    for key, known_details in KNOWN_DETAILS.items():
        unknown += sorted(set(arguments.get(key) or {}) - known_details)
    if unknown:
        raise ModelError(f"The model's network has settings that are not known here: {', '.join(unknown)}.")


def _build(arguments: Json, kernels: tuple[Sizes, ...], channels: int, heads: int, residual: bool) -> UNetArchitecture:
    stages = int(need(arguments, "n_stages", "arch_kwargs"))
    if not 2 <= stages <= MAX_STAGES:
        raise ModelError(f"A U-Net with {stages} stages is not plausible.")
    features = _per_stage(need(arguments, "features_per_stage", "arch_kwargs"), stages)
    convs = _per_stage(need(arguments, "n_blocks_per_stage" if residual else "n_conv_per_stage", "arch_kwargs"), stages)
    decoder = _per_stage(need(arguments, "n_conv_per_stage_decoder", "arch_kwargs"), stages - 1)
    strides = _rows(need(arguments, "strides", "arch_kwargs"))
    stem = int(arguments.get("stem_channels") or 0)
    _check_plausible(features, MAX_FEATURES)
    _check_plausible((*convs, *decoder), MAX_CONVS)
    _check_plausible([n for row in (*kernels, *strides) for n in row], MAX_KERNEL)
    _check_plausible((stem or 1,), MAX_FEATURES)
    norm, activation = arguments.get("norm_op_kwargs") or {}, arguments.get("nonlin_kwargs") or {}
    try:
        return UNetArchitecture(
            in_channels=channels,
            class_count=heads,
            features=features,
            kernel_sizes=kernels,
            strides=strides,
            encoder_convs=convs,
            decoder_convs=decoder,
            conv_bias=bool(arguments.get("conv_bias", False)),
            norm_eps=float(norm.get("eps", NORM_EPS)),
            norm_affine=bool(norm.get("affine", False)),
            leaky_slope=float(activation.get("negative_slope", LEAKY_SLOPE)),
            residual=residual,
            stem_channels=stem,
        )
    except ValueError as error:
        raise ModelError(str(error)) from error


def _check_plausible(numbers: tuple[int, ...] | list[int], largest: int) -> None:
    if not numbers or min(numbers) < 1 or max(numbers) > largest:
        raise ModelError(f"A U-Net with {list(numbers)} is not plausible; 1 to {largest} was expected.")


def _old_architecture(raw: Json) -> tuple[str, dict[str, Any]]:
    """Translate the older plans' keys into those of today."""
    convs = need(raw, "n_conv_per_stage_encoder", "plans.json")
    base, largest = int(need(raw, "UNet_base_num_features", "plans.json")), int(raw.get("unet_max_num_features", 320))
    stages = min(len(convs), MAX_STAGES + 1)
    class_name = str(raw.get("UNet_class_name"))
    return class_name, {
        "n_stages": len(convs),
        "features_per_stage": [min(base * 2**i, largest) for i in range(stages)],
        "kernel_sizes": need(raw, "conv_kernel_sizes", "plans.json"),
        "strides": need(raw, "pool_op_kernel_sizes", "plans.json"),
        ("n_blocks_per_stage" if IS_RESIDUAL.get(class_name) else "n_conv_per_stage"): convs,
        "n_conv_per_stage_decoder": need(raw, "n_conv_per_stage_decoder", "plans.json"),
        "conv_bias": True,
        "norm_op_kwargs": {"eps": NORM_EPS, "affine": True},
    }


def _per_stage(value: Any, stages: int) -> tuple[int, ...]:
    return (int(value),) * stages if isinstance(value, int) else tuple(int(v) for v in value)


def _rows(value: Any) -> tuple[Sizes, ...]:
    """Sizes per stage; a single number stands for all axes of a 3-D network, as nnU-Net's plans never write it."""
    return tuple((int(row),) * 3 if isinstance(row, int) else tuple(int(n) for n in row) for row in value)
