"""Models that a person added: one folder each in the data folder, with the hash of every file recorded.

    models/NAME/
      record.json    where it came from, when, sha256 and size of each file
      model/         dataset.json, plans.json, fold_*/checkpoint_final.pth, of a cascade its first stage inside

A model is prepared in a temporary folder, checked by loading it, and then renamed: it is there whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from surgtwin.errors import DiskError, ModelError

FOLDER_VARIABLE = "SURGTWIN_MODELS"
"""Environment variable that names another folder for added models."""
RECORD, CONTENT = "record.json", "model"
STAGING = ".adding-"
STALE_S = 24 * 3600
NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
RESERVED = {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(10))}
MAX_RECORD_BYTES = 4 * 2**20


@dataclass(frozen=True)
class ModelRecord:
    """What is remembered of an added model. ``files``: path within ``model/`` -> (sha256, bytes)."""

    name: str
    source: str
    added: str
    licence: str
    files: Mapping[str, tuple[str, int]]


def user_models_folder() -> Path:
    """Where added models lie; not created by asking."""
    override = os.environ.get(FOLDER_VARIABLE)
    if override:
        return Path(override)
    import platformdirs

    return Path(platformdirs.user_data_dir("surgtwin", appauthor=False)) / "models"


def user_models() -> list[str]:
    """Names of the added models."""
    folder = user_models_folder()
    if not folder.is_dir():
        return []
    return sorted(f.name for f in folder.iterdir() if is_model_name(f.name) and (f / RECORD).is_file())


def user_model_folder(name: str) -> Path | None:
    """The model folder of an added model, None if there is none of that name."""
    if not is_model_name(name) or not (user_models_folder() / name / RECORD).is_file():
        return None
    return user_models_folder() / name / CONTENT


def is_model_name(name: str) -> bool:
    """Whether a name can stand for a model on every system: letters, digits, '.', '_', '-', at most 64."""
    plain = name.rstrip(".").split(".")[0].lower()
    return NAME_PATTERN.fullmatch(name) is not None and not name.endswith(".") and plain not in RESERVED


def read_record(name: str) -> ModelRecord:
    """Return what was recorded when the model was added. Raises ModelError."""
    file = user_models_folder() / name / RECORD
    if not is_model_name(name) or not file.is_file():
        known = ", ".join(user_models()) or "none"
        raise ModelError(f"There is no added model {name!r}; added models: {known}.")
    try:
        if file.stat().st_size > MAX_RECORD_BYTES:
            raise ModelError(f"The record of the model {name} is absurdly large. Remove the model and add it again.")
        raw = json.loads(file.read_text(encoding="utf-8"))
        files = {str(path): (str(sha), int(size)) for path, (sha, size) in raw["files"].items()}
        return ModelRecord(name, str(raw["source"]), str(raw["added"]), str(raw["licence"]), files)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(f"The record of the model {name} is damaged. Remove the model and add it again.") from error


def store_model(
    name: str, fill: Callable[[Path], None], check: Callable[[Path], str], source: str, replace: bool = False
) -> ModelRecord:
    """Add a model under a name.

    Parameters
    ----------
    fill
        Puts the model's files into the empty folder it is given.
    check
        Refuses an unusable model folder with ModelError; returns the licence's text.
    source
        Name of what it was added from.

    Raises
    ------
    ModelError
        If the name is taken or no name, or ``fill`` or ``check`` refuses.
    DiskError
        If it cannot be written. Nothing is left behind.
    """
    folder = user_models_folder()
    if not is_model_name(name):
        raise ModelError(f"{name!r} is no name for a model: letters, digits, '.', '_' and '-', at most 64.")
    if (folder / name).exists() and not replace:
        raise ModelError(f"There is a model {name} already. Give another name, or --force to replace it.")
    staging = folder / f"{STAGING}{secrets.token_hex(6)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_stale(folder)
        (staging / CONTENT).mkdir(parents=True)
        fill(staging / CONTENT)
        licence = check(staging / CONTENT)
        added = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        record = ModelRecord(name, source, added, licence, hashes_of(staging / CONTENT))
        (staging / RECORD).write_text(json.dumps(asdict(record), indent=1) + "\n", encoding="utf-8")
        _put_in_place(staging, folder / name)
        return record
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise DiskError(f"The model could not be stored: {reason}. Check the folder {folder} and its space.") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def remove_model(name: str) -> None:
    """Delete an added model. Raises ModelError if there is none, DiskError if it cannot be deleted."""
    folder = user_models_folder() / name
    if not is_model_name(name) or not folder.is_dir():
        known = ", ".join(user_models()) or "none"
        raise ModelError(f"There is no added model {name!r}; added models: {known}.")
    doomed = folder.with_name(f"{STAGING}{secrets.token_hex(6)}")
    try:
        folder.rename(doomed)
        shutil.rmtree(doomed)
    except OSError as error:
        raise DiskError(f"The model {name} could not be removed: {error.strerror}.") from error


def problems_of(name: str) -> list[str]:
    """Return what differs between an added model's files and their record; nothing if it is sound."""
    record = read_record(name)
    found = hashes_of(user_models_folder() / name / CONTENT)
    problems = [f"{path} is missing" for path in sorted(set(record.files) - set(found))]
    problems += [f"{path} was not there when the model was added" for path in sorted(set(found) - set(record.files))]
    changed = [path for path in record.files if path in found and found[path] != record.files[path]]
    return problems + [f"{path} has changed" for path in sorted(changed)]


def hashes_of(folder: Path) -> dict[str, tuple[str, int]]:
    """Return sha256 and size of every file below a folder, by its path there with '/'."""
    result = {}
    for file in sorted(f for f in folder.rglob("*") if f.is_file()):
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        result[file.relative_to(folder).as_posix()] = (digest, file.stat().st_size)
    return result


def _put_in_place(staging: Path, target: Path) -> None:
    old = target.with_name(f"{STAGING}{secrets.token_hex(6)}")
    if target.exists():
        target.rename(old)
    try:
        staging.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _remove_stale(folder: Path) -> None:
    """What a killed run left behind a day ago or earlier."""
    for left in folder.glob(f"{STAGING}*"):
        if time.time() - left.stat().st_mtime > STALE_S:
            shutil.rmtree(left, ignore_errors=True)
