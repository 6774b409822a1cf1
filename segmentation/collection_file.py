"""Reading a folder as a model or as a collection of part models (as TotalSegmentator's five).

A collection is a folder with the part models' folders and a ``collection.json``:

    {
      "format": 1,
      "name": "whole body", "version": "2.0", "modality": "CT", "licence": "Apache-2.0",
      "orientation": "RAS",                          for parts whose own files do not say it; may be left out
      "parts": [
        {"folder": "organs", "structures": ["liver", "spleen"]},             only these of the part's labels
        {"folder": "vessels", "structures": {"IVC": "inferior vena cava"}},  only these, renamed
        {"model": "ct_abdomen", "priority": 1}                               a shipped or added model, by its name
      ]
    }

Structures are numbered 1, 2, ... in the order of the parts, within a part by its own label values. Where two parts
label one voxel, the part of higher priority keeps it (0 where none is given), of equal ones the one listed first;
`merge` has the whole rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from surgtwin.domain.structure_table import match
from surgtwin.errors import ModelError

from .architecture_plan import Json
from .collection import COLLECTION, Collection, CollectionPart, PartLabel
from .label_names import NamedLabel, named_labels
from .model_folder import DATASET, PLANS, RAS_CODES, ModelFolder, check_orientation, read_json, read_model_folder
from .model_layout import choose_models, is_totalsegmentator
from .registry import find_model

FORMAT = 1
MAX_PARTS = 64


def find_collection(name_or_path: str) -> Collection:
    """Return the collection of a shipped or added model's name, or of a folder's path. Raises ModelError."""
    return read_collection(find_model(name_or_path))


def read_collection(path: Path) -> Collection:
    """Return what a folder holds: a collection, a model, or model folders that make a collection.

    Raises
    ------
    ModelError
        If it holds none of them, a part is unusable or missing, or two parts give the same structure.
    """
    if (path / COLLECTION).is_file():
        return _read_described(path)
    if (path / PLANS).is_file():
        return _single(path)
    folders = [f for f in _folders_below(path) if (f / DATASET).is_file()]
    if not folders:
        return _single(path)
    relative = [PurePosixPath(f.relative_to(path).as_posix()) for f in folders]
    chosen = choose_models(relative, path.name)
    if len(chosen) == 1:
        return _single(path / chosen[0])
    return _from_json(path, describe_parts(path.name, chosen, [_part_model(path, str(f)) for f in chosen]))


def describe_parts(
    name: str, folders: Sequence[PurePosixPath], models: Sequence[ModelFolder], orientation: str = ""
) -> dict[str, Any]:
    """Return the ``collection.json`` of models that came without one.

    TotalSegmentator lets its later parts overwrite the earlier ones, and turns images to RAS; so do its parts here.

    Parameters
    ----------
    orientation
        The axis codes that the images were trained in, for models that do not say it.

    Raises
    ------
    ModelError
        If a model says that it was trained in another orientation.
    """
    later_wins = all(is_totalsegmentator(folder) for folder in folders)
    for model in models:
        if orientation and model.orientation not in ("", orientation):
            raise ModelError(f"{model.name} was trained in the orientation {model.orientation}, not {orientation}.")
    shared = {key: {getattr(model, key) for model in models} for key in ("modality", "version")}
    return {
        "format": FORMAT,
        "name": name,
        **{key: values.pop() if len(values) == 1 else "" for key, values in shared.items()},
        "licence": "; ".join(dict.fromkeys(model.licence for model in models if model.licence)),
        "orientation": orientation or (RAS_CODES if later_wins else ""),
        "parts": [{"folder": str(f), "priority": n if later_wins else 0} for n, f in enumerate(folders)],
    }


def _single(path: Path) -> Collection:
    model = read_model_folder(path)
    labels = tuple(PartLabel(n.value, n.given, n.name, n.is_known, n.value) for n in named_labels(model.labels.names))
    part = CollectionPart(path.name, model, labels)
    return Collection(path, model.name, model.version, model.modality, model.licence, (part,), is_model=True)


def _folders_below(path: Path) -> list[Path]:
    """Folders with a plans.json one or two levels down, as nnU-Net lays them out; links are not followed."""
    found = [*path.glob(f"*/{PLANS}"), *path.glob(f"*/*/{PLANS}")]
    return sorted(f.parent for f in found if not f.parent.is_symlink() and not f.parent.parent.is_symlink())


def _read_described(path: Path) -> Collection:
    given = read_json(path / COLLECTION)
    try:
        return _from_json(path, given)
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise ModelError(f"The {COLLECTION} of {path.name} is malformed: {error!r}.") from error


def _from_json(path: Path, given: Json) -> Collection:
    if given.get("format") != FORMAT:
        raise ModelError(f"{COLLECTION} has the format {given.get('format')!r}; this program reads {FORMAT}.")
    rows = list(given["parts"])
    if not 1 <= len(rows) <= MAX_PARTS:
        raise ModelError(f"{COLLECTION} names {len(rows)} parts; 1 to {MAX_PARTS} were expected.")
    orientation = check_orientation(str(given.get("orientation", "")), COLLECTION)
    parts: list[CollectionPart] = []
    for row in rows:
        name, model = part_name(row), _model_of(path, row)
        taken = _taken(name, named_labels(model.labels.names), row.get("structures"))
        start = sum(len(part.labels) for part in parts)
        labels = tuple(
            PartLabel(start + n, label.given, label.name, label.is_known, label.value)
            for n, label in enumerate(taken, 1)
        )
        placed = replace(model, orientation=model.orientation or orientation)
        parts.append(CollectionPart(name, placed, labels, int(row.get("priority", 0))))
    _refuse_doubles(parts)
    facts = {key: str(given.get(key, "")) for key in ("name", "version", "modality", "licence")}
    return Collection(
        path, facts["name"] or path.name, facts["version"], facts["modality"], facts["licence"], tuple(parts)
    )


def part_names(given: Json) -> list[str]:
    """Return the folders inside a collection that its ``collection.json`` names. Raises ModelError."""
    try:
        return list(dict.fromkeys(part_name(row) for row in given["parts"] if "folder" in row))
    except (TypeError, KeyError) as error:
        raise ModelError(f"{COLLECTION} is malformed: {error!r}.") from error


def part_name(row: Json) -> str:
    """Return what a part of a ``collection.json`` is called: its folder, checked to lie inside, or its model's name.

    Raises
    ------
    ModelError
        If it has neither or both, or the folder lies elsewhere.
    """
    if ("folder" in row) == ("model" in row):
        raise ModelError(f'Each part of {COLLECTION} needs a "folder" or the name of a "model"; found {sorted(row)}.')
    if "model" in row:
        return str(row["model"])
    folder = PurePosixPath(str(row["folder"]))
    if folder.is_absolute() or ".." in folder.parts or "\\" in str(folder) or ":" in str(folder) or not folder.parts:
        raise ModelError(f"{COLLECTION} names the folder {str(folder)!r}; parts lie in folders inside the collection.")
    return str(folder)


def _model_of(path: Path, row: Json) -> ModelFolder:
    if "folder" in row:
        return _part_model(path, part_name(row))
    folder = find_model(part_name(row))
    if (folder / COLLECTION).is_file():
        raise ModelError(f"{COLLECTION} names {row['model']} as a part, which is a collection itself.")
    return read_model_folder(folder)


def _part_model(path: Path, folder: str) -> ModelFolder:
    inside = path / folder
    if not inside.resolve().is_relative_to(path.resolve()):
        raise ModelError(f"The part {folder} of {path.name} is a link to a folder elsewhere; give the real files.")
    if not inside.is_dir():
        raise ModelError(f"{COLLECTION} of {path.name} names the part {folder}, which is not there.")
    return read_model_folder(inside)


def _taken(part: str, labels: Sequence[NamedLabel], wanted: Any) -> list[NamedLabel]:
    """The labels that a collection takes of a part, renamed where it says so."""
    if wanted is None:
        return list(labels)
    names: Mapping[str, str | None] = wanted if isinstance(wanted, Mapping) else dict.fromkeys(wanted)
    by_given = {label.given: label for label in labels}
    missing = [name for name in names if name not in by_given]
    if missing:
        raise ModelError(f"The part {part} has no {', '.join(missing)}; it has: {', '.join(by_given)}.")
    result = []
    for label in labels:
        if label.given in names:
            new = names[label.given]
            row = label if new is None else replace(label, name=str(new), is_known=match(str(new)) is not None)
            result.append(row)
    return result


def _refuse_doubles(parts: Sequence[CollectionPart]) -> None:
    owner: dict[str, str] = {}
    for part in parts:
        for row in part.labels:
            if row.name in owner:
                raise ModelError(
                    f"{row.name} is given by {owner[row.name]} and by {part.folder}. "
                    f"Say in {COLLECTION} which part's is taken (structures), or rename one."
                )
            owner[row.name] = part.folder
