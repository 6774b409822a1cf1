"""The models in the box, as pure data, and where to find any model. Adding one means a folder and a row here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from surgtwin.errors import ModelError

from .user_models import user_model_folder, user_models

MODELS_FOLDER = Path(__file__).parent / "models"


@dataclass(frozen=True)
class ShippedModel:
    """One row: the folder's name, the modality it is for, its structures by label value (1, 2, ...).

    Parameters
    ----------
    trained_on
        What its training images were like, as ``training_domain`` reads it.
    """

    name: str
    modality: str
    structures: tuple[str, ...]
    trained_on: Mapping[str, Any]

    @property
    def folder(self) -> Path:
        """Where the model lies."""
        return MODELS_FOLDER / self.name


SHIPPED: tuple[ShippedModel, ...] = (
    ShippedModel(
        "ct_abdomen",
        "CT",
        (
            "spleen", "right kidney", "left kidney", "gallbladder", "oesophagus", "liver", "stomach", "aorta",
            "inferior vena cava", "portal and splenic vein", "pancreas", "right adrenal", "left adrenal",
        ),
        {"phase": ["portal venous"], "slice_mm": [2.0, 5.0]},
    ),
    ShippedModel(
        "ct_liver_lesions", "CT", ("liver", "liver lesion"), {"phase": ["portal venous"], "slice_mm": [2.0, 5.0]}
    ),
    ShippedModel("mr_abdomen", "MR", ("liver", "right kidney", "left kidney", "spleen"), {"slice_mm": [7.7, 7.7]}),
)  # fmt: skip


def shipped_for(modality: str) -> ShippedModel:
    """Return the shipped model of organs for a modality: the first row.

    Raises
    ------
    ModelError
        If there is none.
    """
    for row in SHIPPED:
        if row.modality == modality:
            return row
    known = ", ".join(dict.fromkeys(row.modality for row in SHIPPED))
    raise ModelError(f"No shipped model is made for {modality} images (there are models for {known}). Name a model.")


def find_model(name_or_path: str) -> Path:
    """Return the folder of a shipped model's name, of an added model's name, or of a model folder's path.

    Raises
    ------
    ModelError
        If there is none of them.
    """
    for row in SHIPPED:
        if row.name == name_or_path:
            return row.folder
    added = user_model_folder(name_or_path)
    if added is not None:
        return added
    path = Path(name_or_path)
    if not path.is_dir():
        names = ", ".join((*(row.name for row in SHIPPED), *user_models()))
        raise ModelError(f"There is no model {name_or_path!r}: not one of {names}, and no such folder.")
    return path


def check_shipped_models() -> list[str]:
    """Return names and versions of the models in the box that are there.

    Raises
    ------
    ModelError
        If one is there and damaged.
    """
    from .model_folder import read_model_folder

    models = [read_model_folder(row.folder) for row in SHIPPED if row.folder.is_dir()]
    return [f"{model.name} {model.version}".strip() for model in models]
