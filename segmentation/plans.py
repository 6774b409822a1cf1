"""nnU-Net v2's ``plans.json`` and ``dataset.json``: how an image must be prepared and which network to build.

Nothing named in a file is imported: what is not known here is refused with its name.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from surgtwin.errors import ModelError

from .architecture_plan import Json, need, read_architecture
from .network import Triple, UNetArchitecture

NORMALISATIONS = (
    "CTNormalization", "ZScoreNormalization", "NoNormalization", "RescaleTo01Normalization", "RGBTo01Normalization",
)  # fmt: skip
RESAMPLING_FUNCTION = "resample_data_or_seg_to_shape"
PREPROCESSOR = "DefaultPreprocessor"
LABEL_MANAGER = "LabelManager"
MAX_PATCH_VOXELS = 512**3
MAX_SPACING_MM = 1000.0
MAX_CHANNELS = 64
MAX_LABEL = 2**15 - 1
MAX_REGIONS = 62
"""Regions are marked by the bits of one 64-bit number where labels are brought back to the image."""

Spacing = tuple[float, float, float]


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
    """One configuration of a plans file, resolved. Axes are the transposed ones, spacing is mm.

    Parameters
    ----------
    spacing_mm
        Of the network's grid. The first is 0 for a two-dimensional plan, which leaves the slices where they are;
        its patch is one slice.
    previous_stage
        The configuration whose labels are further input channels (a cascade), or empty.
    """

    configuration: str
    spacing_mm: Spacing
    patch: Triple
    transpose_forward: Triple
    normalisation: tuple[ChannelNormalisation, ...]
    image_rule: ResampleRule
    logit_rule: ResampleRule
    architecture: UNetArchitecture
    label_rule: ResampleRule = ResampleRule(1)
    previous_stage: str = ""

    def spacing_for(self, image: Spacing) -> Spacing:
        """Return the network's grid spacing for an image's spacing (both transposed)."""
        k, j, i = self.spacing_mm
        return (k or image[0], j, i)


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

    @property
    def values(self) -> tuple[int, ...]:
        """Every label value of a structure, ascending."""
        return tuple(sorted(set(self.names.values())))


def read_channels(dataset: Json) -> tuple[str, ...]:
    """Return what a ``dataset.json`` calls the input channels, in the network's order."""
    given = dict(dataset.get("channel_names") or dataset.get("modality") or {})
    return tuple(str(given[key]) for key in sorted(given, key=int))


def read_labels(dataset: Json) -> LabelScheme:
    """Return the label scheme of a ``dataset.json``. An ignore label is for training only and left out.

    Raises
    ------
    ModelError
        If labels are missing, not consecutive, or regions have no painting order.
    """
    labels = need(dataset, "labels", "dataset.json")
    if labels.get("background") != 0:
        raise ModelError("dataset.json names no background with value 0; the labels can't be interpreted.")
    given = {str(n): v for n, v in labels.items() if n not in ("background", "ignore")}
    if any(isinstance(value, list | tuple) and len(value) > 1 for value in given.values()):
        return _region_scheme(given, dataset)
    names = {n: int(v[0] if isinstance(v, list | tuple) else v) for n, v in given.items()}
    if sorted(names.values()) != list(range(1, len(names) + 1)):
        raise ModelError(f"Label values must be 1 to {len(names)} without gaps; found {sorted(names.values())}.")
    if len(names) > MAX_LABEL:
        raise ModelError(f"{len(names)} labels are more than the {MAX_LABEL} that fit.")
    return LabelScheme(names, (), len(names) + 1)


def _region_scheme(given: Json, dataset: Json) -> LabelScheme:
    order = tuple(int(v) for v in dataset.get("regions_class_order") or ())
    if len(order) != len(given):
        raise ModelError("dataset.json has regions but its regions_class_order does not name each once.")
    if len(order) > MAX_REGIONS or not all(1 <= v <= MAX_LABEL for v in order):
        raise ModelError(f"regions_class_order {list(order)} is not plausible (at most {MAX_REGIONS} values).")
    return LabelScheme(dict(zip(given, order, strict=True)), order, len(order))


def read_plan(plans: Json, dataset: Json, configuration: str) -> ModelPlan:
    """Return one resolved configuration of a ``plans.json``.

    Raises
    ------
    ModelError
        If something is missing, absurd, or needs code this program does not have.
    """
    raw = resolve_configuration(plans, configuration)
    _check_machinery(plans, raw)
    channels = len(read_channels(dataset))
    if not 1 <= channels <= MAX_CHANNELS:
        raise ModelError(f"dataset.json names {channels} channels (channel_names); 1 to {MAX_CHANNELS} were expected.")
    labels, previous = read_labels(dataset), str(raw.get("previous_stage") or "")
    inputs = channels + (len(labels.values) if previous else 0)
    architecture = read_architecture(raw, inputs, labels.head_count)
    spacing, patch = _grid(raw, configuration, architecture.is_flat)
    if any(p % d for p, d in zip(patch[-len(architecture.divisor) :], architecture.divisor, strict=True)):
        raise ModelError(f"The patch {patch} is not divisible by the network's strides {architecture.divisor}.")
    forward = _triple(plans.get("transpose_forward", (0, 1, 2)))
    if sorted(forward) != [0, 1, 2]:
        raise ModelError(f"transpose_forward {forward} is not a permutation of the three axes.")
    return ModelPlan(
        configuration=configuration,
        spacing_mm=spacing,
        patch=patch,
        transpose_forward=forward,
        normalisation=_normalisation(plans, raw, channels),
        image_rule=_rule(raw, "resampling_fn_data", 3),
        logit_rule=_rule(raw, "resampling_fn_probabilities", 1),
        architecture=architecture,
        label_rule=_rule(raw, "resampling_fn_seg", 1),
        previous_stage=previous,
    )


def _grid(raw: Json, configuration: str, is_flat: bool) -> tuple[Spacing, Triple]:
    spacing = [float(v) for v in need(raw, "spacing", configuration)]
    patch = [int(v) for v in need(raw, "patch_size", configuration)]
    expected = 2 if is_flat else 3
    if len(spacing) != expected or len(patch) != expected:
        raise ModelError(
            f"Configuration {configuration} gives {len(spacing)} spacings and {len(patch)} patch sizes to a network "
            f"of {expected} dimensions."
        )
    if not all(0 < s <= MAX_SPACING_MM for s in spacing) or min(patch) < 1 or math.prod(patch) > MAX_PATCH_VOXELS:
        raise ModelError(f"Spacing {spacing} or patch {patch} of configuration {configuration} is not plausible.")
    if is_flat:
        return (0.0, spacing[0], spacing[1]), (1, patch[0], patch[1])
    return (spacing[0], spacing[1], spacing[2]), (patch[0], patch[1], patch[2])


def _check_machinery(plans: Json, raw: Json) -> None:
    """Refuse plans whose preparation or label handling is not nnU-Net's own."""
    for table, key, known in ((raw, "preprocessor_name", PREPROCESSOR), (plans, "label_manager", LABEL_MANAGER)):
        if table.get(key, known) != known:
            raise ModelError(f"The model needs the {key.replace('_', ' ')} {table[key]}; this program has {known}.")


def resolve_configuration(plans: Json, name: str) -> dict[str, Any]:
    """Return a configuration with everything it inherits; the nearer value wins."""
    configurations = need(plans, "configurations", "plans.json")
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


def _normalisation(plans: Json, raw: Json, channels: int) -> tuple[ChannelNormalisation, ...]:
    schemes = need(raw, "normalization_schemes", "plans.json")
    masks = raw.get("use_mask_for_norm") or [False] * channels
    properties = (
        plans.get("foreground_intensity_properties_per_channel")
        or plans.get("foreground_intensity_properties_by_modality")
        or {}
    )
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


def _triple(value: Any) -> Triple:
    if isinstance(value, int):
        return (value, value, value)
    numbers = [int(v) for v in value]
    if len(numbers) != 3:
        raise ModelError(f"Three numbers were needed, one per axis; found {numbers}.")
    return (numbers[0], numbers[1], numbers[2])
