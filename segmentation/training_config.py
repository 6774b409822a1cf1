"""What a training run is told: data, plan, budget. Read from a JSON file and checked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from surgtwin.errors import InputError

from .network import Triple, UNetArchitecture

CT_SCHEME = "CTNormalization"
MR_SCHEME = "ZScoreNormalization"


@dataclass(frozen=True)
class CaseSource:
    """A folder of cases, ``*<image_suffix>`` beside ``*<label_suffix>``, and its share of the samples."""

    folder: str
    image_suffix: str
    label_suffix: str
    weight: float = 1.0
    label_values: dict[str, list[int]] = field(default_factory=dict)
    """The source's own label values of each structure; empty when the values are the model's."""


@dataclass(frozen=True)
class Budget:
    """How long to train: wall-clock minutes or iterations, exactly one of them."""

    minutes: float | None = None
    iterations: int | None = None

    def __post_init__(self) -> None:
        if (self.minutes is None) == (self.iterations is None):
            raise InputError("A training budget is either minutes or iterations, exactly one of them.")

    def spent(self, seconds: float, iteration: int) -> float:
        """Return the spent fraction, 1.0 at the end."""
        if self.iterations is not None:
            return min(1.0, iteration / max(1, self.iterations))
        return min(1.0, seconds / (60.0 * float(self.minutes or 0.0)))


@dataclass(frozen=True)
class TrainingConfig:
    """A complete description of one training run. Axis order is [k, j, i], lengths are mm."""

    name: str
    modality: str
    labels: dict[str, int]
    sources: tuple[CaseSource, ...]
    validation: tuple[str, ...]
    spacing_mm: tuple[float, float, float]
    patch: Triple
    features: tuple[int, ...]
    kernel_sizes: tuple[Triple, ...]
    strides: tuple[Triple, ...]
    convs: int
    budget: Budget
    batch_size: int = 1
    peak_learning_rate: float = 1.5e-3
    weight_decay: float = 1e-2
    ema_decay: float = 0.998
    foreground_share: float = 0.75
    value_range: tuple[float, float] | None = None
    thick_slice_mm: float = 8.0
    checkpoint_minutes: float = 3.0
    validation_minutes: float = 20.0
    seed: int = 20240501
    threads: int = 2
    scale_range: tuple[float, float] = (0.75, 1.3)

    @property
    def class_count(self) -> int:
        """The number of classes, background included."""
        return max(self.labels.values()) + 1

    @property
    def normalisation(self) -> str:
        """nnU-Net's name of the intensity scheme."""
        return CT_SCHEME if self.modality == "CT" else MR_SCHEME

    @property
    def architecture(self) -> UNetArchitecture:
        """The network to build."""
        stages = len(self.features)
        return UNetArchitecture(
            in_channels=1,
            class_count=self.class_count,
            features=self.features,
            kernel_sizes=self.kernel_sizes,
            strides=self.strides,
            encoder_convs=(self.convs,) * stages,
            decoder_convs=(self.convs,) * (stages - 1),
        )


def read_config(path: Path) -> TrainingConfig:
    """Return the training run described by a JSON file.

    Raises
    ------
    InputError
        If a key is unknown or missing, or values contradict each other.
    """
    raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    raw["sources"] = tuple(CaseSource(**source) for source in raw["sources"])
    raw["budget"] = Budget(**raw["budget"])
    for key in ("kernel_sizes", "strides"):
        raw[key] = tuple(tuple(int(n) for n in row) for row in raw[key])
    for key in ("validation", "spacing_mm", "patch", "features", "value_range", "scale_range"):
        if raw.get(key) is not None:
            raw[key] = tuple(raw[key])
    try:
        config = TrainingConfig(**raw)
    except TypeError as error:
        raise InputError(f"{path.name}: {error}") from error
    if any(n % d for n, d in zip(config.patch, config.architecture.divisor, strict=True)):
        raise InputError(f"{path.name}: patch {config.patch} is not divisible by {config.architecture.divisor}.")
    return config
