"""What a training run is told: data, plan, budget. Read from a JSON file and checked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from surgtwin.errors import InputError

from .mirroring import plan_mirroring
from .network import Triple, UNetArchitecture

CT_SCHEME = "CTNormalization"
MR_SCHEME = "ZScoreNormalization"
PRECISIONS = ("auto", "bfloat16", "float16", "float32")
MAX_CLASSES = 256
MAX_ELASTIC_MM = 15.0


@dataclass(frozen=True)
class CaseSource:
    """A folder of cases, ``*<image_suffix>`` beside ``*<label_suffix>``, and its share of the samples.

    nnU-Net's raw layout is ``images="imagesTr"``, ``labels="labelsTr"`` with suffixes such as ``_0000.nii.gz`` and
    ``.nii.gz``.
    """

    folder: str
    image_suffix: str
    label_suffix: str
    weight: float = 1.0
    label_values: dict[str, list[int]] = field(default_factory=dict)
    """The source's own label values of each structure; empty when the values are the model's."""
    images: str = ""
    """The subfolder that holds the images; the folder itself if empty."""
    labels: str = ""
    """The subfolder that holds the labels; the folder itself if empty."""


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
    """A complete description of one training run. Axis order is [k, j, i], lengths are mm.

    Parameters
    ----------
    precision
        Of the network's layers: "auto" (bfloat16 where the device has it, else float16 with a scaled loss), or one of
        "bfloat16", "float16", "float32".
    mirror_swap
        Mirrors that patches go through: of "front-back", "up-down" and "left-right", which renames left and right
        organs. None by default, since a mirrored patient has a liver on the left.
    elastic_mm
        The largest shift of the elastic deformation; 0 for none.
    fingerprint
        What planning measured in the data, kept for people to read.
    """

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
    precision: str = "auto"
    mirror_swap: tuple[str, ...] = ()
    elastic_mm: float = 0.0
    fingerprint: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if sorted(self.labels.values()) != list(range(len(self.labels))) or self.labels.get("background") != 0:
            raise InputError("A training's labels are numbered from 0, which is 'background', without gaps.")
        if self.class_count > MAX_CLASSES:
            raise InputError(f"A training has at most {MAX_CLASSES} labels; {self.name} has {self.class_count}.")
        if self.precision not in PRECISIONS:
            raise InputError(f"There is no precision {self.precision!r}; there are: {', '.join(PRECISIONS)}.")
        for name in ("batch_size", "peak_learning_rate", "convs", "threads"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} is {getattr(self, name)}; it must be above 0.")
        if self.thick_slice_mm < self.spacing_mm[0]:
            raise InputError(f"thick_slice_mm is {self.thick_slice_mm}, below the grid's own {self.spacing_mm[0]} mm.")
        if min(self.spacing_mm) <= 0 or min(self.patch) <= 0:
            raise InputError(f"Spacing {self.spacing_mm} mm and patch {self.patch} must be above 0 on each axis.")
        if not 0.0 <= self.elastic_mm <= MAX_ELASTIC_MM:
            raise InputError(f"elastic_mm is {self.elastic_mm}; from 0 to {MAX_ELASTIC_MM} mm bend without folding.")
        plan_mirroring(self.mirror_swap, self.labels)

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
        If the file is missing or no JSON, a key is unknown or missing, or values contradict each other.
    """
    try:
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is no training configuration that can be read: {error}") from error
    try:
        config = _config_from(raw)
        divisor = config.architecture.divisor
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path.name}: {_reason(error)}") from error
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from error
    if any(n % d for n, d in zip(config.patch, divisor, strict=True)):
        raise InputError(f"{path.name}: patch {config.patch} is not divisible by {divisor}.")
    return config


def _config_from(raw: dict[str, Any]) -> TrainingConfig:
    values = dict(raw)
    values["sources"] = tuple(CaseSource(**source) for source in raw["sources"])
    values["budget"] = Budget(**raw["budget"])
    for key in ("kernel_sizes", "strides"):
        values[key] = tuple(tuple(int(n) for n in row) for row in raw[key])
    for key in ("validation", "spacing_mm", "patch", "features", "value_range", "scale_range", "mirror_swap"):
        if raw.get(key) is not None:
            values[key] = tuple(raw[key])
    return TrainingConfig(**values)


def _reason(error: Exception) -> str:
    return f"the key {error} is missing" if isinstance(error, KeyError) else str(error)
