"""What a model was trained on, as its dataset.json or its row says, and whether an image lies outside of it.

    "trained_on": {"phase": ["portal venous"], "slice_mm": [2.5, 5.0]}

Both keys are optional; of the models in the box the registry says it. A model that says nothing is judged by nothing
but very thick slices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.geometry import Grid

from .model_folder import DATASET, ModelFolder, read_json
from .registry import SHIPPED

THICKER_THAN_TRAINED = 1.25
"""Slices further apart than the thickest of training by this factor: a stage of nnU-Net's own augmentation."""
THICK_MM = 10.0
"""Where training says nothing: an adrenal gland falls between such slices."""


@dataclass(frozen=True)
class TrainingDomain:
    """What the training images were like; empty where it is not said.

    Parameters
    ----------
    phases
        Of contrast medium: "unenhanced", "arterial", "portal venous", "late".
    slice_mm
        The least and the largest distance of slices.
    """

    phases: tuple[str, ...] = ()
    slice_mm: tuple[float, float] | None = None


def training_domain(models: Iterable[ModelFolder]) -> TrainingDomain:
    """Return what all of some models were trained on; a thing is left empty unless each of them says it."""
    domains = [_domain_of_folder(model.path) for model in models]
    if not domains:
        return TrainingDomain()
    phases = set.intersection(*(set(d.phases) for d in domains))
    slices = [d.slice_mm for d in domains if d.slice_mm is not None]
    common = (max(s[0] for s in slices), min(s[1] for s in slices)) if len(slices) == len(domains) else None
    return TrainingDomain(tuple(p for p in domains[0].phases if p in phases), common)


def _domain_of_folder(path: Path) -> TrainingDomain:
    dataset = read_json(path / DATASET)
    if "trained_on" not in dataset:
        rows = [row for row in SHIPPED if row.folder == path]
        return domain_of({"trained_on": rows[0].trained_on}) if rows else TrainingDomain()
    return domain_of(dataset)


def domain_of(dataset: Mapping[str, Any]) -> TrainingDomain:
    """Return what a dataset.json says; what is not said in the form above is taken as not said."""
    told = dataset.get("trained_on")
    if not isinstance(told, Mapping):
        return TrainingDomain()
    phases = told.get("phase", ())
    phases = (phases,) if isinstance(phases, str) else phases
    named = tuple(p for p in phases if isinstance(p, str)) if isinstance(phases, list | tuple) else ()
    return TrainingDomain(named, _range(told.get("slice_mm")))


def check_slices(grid: Grid, domain: TrainingDomain, model: str) -> list[Finding]:
    """Return a finding if the image is coarser than anything the model has seen."""
    coarsest = max(grid.spacing)
    limit = THICK_MM if domain.slice_mm is None else THICKER_THAN_TRAINED * domain.slice_mm[1]
    if coarsest <= limit:
        return []
    known = (
        ""
        if domain.slice_mm is None
        else f" The model {model} was trained on slices of up to {domain.slice_mm[1]:g} mm."
    )
    message = (
        f"The slices lie {coarsest:.1f} mm apart.{known} Small organs are missed or wrong in size, surfaces are "
        "stepped. Use a thinner reconstruction of this examination if there is one."
    )
    return [Finding("thick-slices", Severity.WARNING, message, None, {"spacing_mm": coarsest, "limit_mm": limit})]


def _range(value: Any) -> tuple[float, float] | None:
    if not isinstance(value, list | tuple) or len(value) != 2:
        return None
    if not all(isinstance(n, int | float) and not isinstance(n, bool) for n in value):
        return None
    low, high = float(value[0]), float(value[1])
    return (low, high) if 0 < low <= high else None
