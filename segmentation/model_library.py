"""Everything a person can do with models: list, add, describe, remove, verify."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import torch

from surgtwin.errors import ModelError

from .label_names import NamedLabel, named_labels
from .model_folder import load_networks, read_model_folder
from .model_source import PLANS, ModelSource
from .plans import Spacing
from .registry import SHIPPED, find_model
from .user_models import ModelRecord, problems_of, read_record, remove_model, store_model, user_models

NO_LICENCE = "not stated"
LICENCE_CHARACTERS = 200
CASCADE_STAGE = "3d_lowres"


@dataclass(frozen=True)
class ModelInfo:
    """What is shown of a model. ``spacing_mm`` is [k, j, i] of the network's grid; 0 where the image's own is kept."""

    name: str
    origin: str
    title: str
    version: str
    modality: str
    channels: int
    licence: str
    configuration: str
    network: str
    spacing_mm: Spacing
    patch: tuple[int, int, int]
    folds: int
    sha256: str
    labels: tuple[NamedLabel, ...]
    source: str = ""
    added: str = ""


@dataclass(frozen=True)
class Verification:
    """Whether a model is what it was; ``problems`` is empty if so."""

    name: str
    origin: str
    sha256: str
    problems: tuple[str, ...]


def model_names() -> list[tuple[str, str]]:
    """Return (name, "shipped" or "added") of every model that is there."""
    shipped = [(row.name, "shipped") for row in SHIPPED if row.folder.is_dir()]
    return shipped + [(name, "added") for name in user_models()]


def describe_model(name_or_path: str) -> ModelInfo:
    """Return what a model is. Raises ModelError if there is none or it is unusable."""
    origin = dict(model_names()).get(name_or_path, "folder")
    model = read_model_folder(find_model(name_or_path))
    record = read_record(name_or_path) if origin == "added" else None
    architecture = model.plan.architecture
    return ModelInfo(
        name=name_or_path,
        origin=origin,
        title=model.name,
        version=model.version,
        modality=model.modality,
        channels=len(model.plan.normalisation),
        licence=record.licence if record else model.licence or NO_LICENCE,
        configuration=model.plan.configuration,
        network="residual-encoder U-Net" if architecture.residual else "U-Net",
        spacing_mm=model.plan.spacing_mm,
        patch=model.plan.patch,
        folds=len(model.folds),
        sha256=model.sha256(),
        labels=named_labels(model.labels.names),
        source=record.source if record else "",
        added=record.added if record else "",
    )


def add_model(source: Path, name: str, configuration: str | None = None, force: bool = False) -> ModelRecord:
    """Add a model from a folder or a zip under a name.

    Parameters
    ----------
    configuration
        Which one, where the source holds several ("3d_fullres").

    Raises
    ------
    ModelError, DiskError
        If the source holds no usable model, or several; if it is refused; if it cannot be stored.
    """
    if name in {row.name for row in SHIPPED}:
        raise ModelError(f"{name} is the name of a shipped model. Give another one.")
    with ModelSource(source) as given:
        chosen = choose_folder(given, configuration)
        first_stage = _stage_beside(given, chosen)

        def fill(target: Path) -> None:
            given.copy_model(chosen, target)
            if first_stage is not None:
                (target / CASCADE_STAGE).mkdir()
                given.copy_model(first_stage, target / CASCADE_STAGE)

        return store_model(name, fill, check_model, given.name, force)


def choose_folder(given: ModelSource, configuration: str | None) -> PurePosixPath:
    """Return the model folder of a source. Raises ModelError naming what there is."""
    found = given.model_folders()
    if not found:
        raise ModelError(f"{given.name} holds no {PLANS} with a dataset.json beside it; it is no nnU-Net v2 model.")
    if configuration is not None:
        found = [f for f in found if f.name.split("__")[-1] == configuration]
    if len(found) > 1 and configuration is None:
        cascades = [f for f in found if _stage_beside(given, f) is not None]
        pair = [f for f in found if f not in cascades and f.name.split("__")[-1] != CASCADE_STAGE]
        found = cascades if cascades and not pair else found
    if len(found) != 1:
        names = ", ".join(sorted({f.name.split("__")[-1] for f in given.model_folders()}))
        raise ModelError(f"{given.name} holds several models. Choose one with --configuration: {names}.")
    return found[0]


def check_model(folder: Path) -> str:
    """Refuse a model that does not load; return its licence."""
    model = read_model_folder(folder)
    for stage in (model, model.previous):
        if stage is None:
            continue
        for fold in stage.folds:
            # One at a time: five folds of a large network need not fit into memory together here.
            load_networks(replace(stage, folds=(fold,)), torch.device("cpu"))
    return model.licence or licence_text(folder)


def licence_text(folder: Path) -> str:
    """Return the first lines of a licence file beside the model."""
    for file in sorted(folder.iterdir()):
        if file.name.lower().startswith(("licence", "license", "copying")):
            text = " ".join(file.read_text(encoding="utf-8", errors="replace").split())
            return text[:LICENCE_CHARACTERS] or NO_LICENCE
    return NO_LICENCE


def verify_model(name: str) -> Verification:
    """Return whether a model's files are those recorded and still load."""
    origin = dict(model_names()).get(name)
    if origin is None:
        known = ", ".join(n for n, _ in model_names()) or "none"
        raise ModelError(f"There is no model {name!r}; there are: {known}.")
    problems = problems_of(name) if origin == "added" else []
    sha256 = ""
    try:
        folder = find_model(name)
        check_model(folder)
        sha256 = read_model_folder(folder).sha256()
    except ModelError as error:
        problems.append(str(error))
    return Verification(name, origin, sha256, tuple(problems))


def forget_model(name: str) -> None:
    """Remove an added model. Raises ModelError for a shipped one."""
    if name in {row.name for row in SHIPPED}:
        raise ModelError(f"{name} is shipped with the program and stays; only added models can be removed.")
    remove_model(name)


def _stage_beside(given: ModelSource, folder: PurePosixPath) -> PurePosixPath | None:
    """The folder of a cascade's first stage in the source, None for any other model."""
    if "cascade" not in folder.name:
        return None
    beside = folder.with_name("__".join([*folder.name.split("__")[:-1], CASCADE_STAGE]))
    return beside if beside in given.model_folders() else None
