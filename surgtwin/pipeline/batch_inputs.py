"""What INPUT means to a batch: folders of studies, files, zips and lists of paths, as units to be looked into."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..formats.registry import is_supported_image
from .batch_protocol import LabelRules

LIST_ENDINGS = (".txt", ".list")
MAX_LIST_BYTES = 64 * 2**20
_DICOM_ENDINGS = frozenset({"", ".dcm", ".dicom", ".dic", ".ima"})
_MAGIC_AT = 128


@dataclass(frozen=True)
class InputUnit:
    """Something to look for images in.

    Parameters
    ----------
    path
        A folder with DICOM files, a zip, or one file.
    may_be_empty
        True for a folder whose image files are units of their own: that it holds no DICOM is no failure.
    """

    path: Path
    may_be_empty: bool = False

    @property
    def is_image_file(self) -> bool:
        return self.path.is_file() and is_supported_image(self.path)


def find_units(inputs: Sequence[Path], not_files: str = "", labels: LabelRules | None = None) -> list[InputUnit]:
    """Every unit of the inputs once, in the order given, names in order within a folder.

    Parameters
    ----------
    not_files
        Regular expression of image files that are left out when a folder is searched.
    labels
        Where the labels of an image lie: such files are left out, too.

    Raises
    ------
    InputError
        If an input is not there, or a list cannot be read.
    """
    found: dict[str, InputUnit] = {}
    for path in inputs:
        if not path.exists():
            raise InputError(f"{path} does not exist.")
        for unit in _units_of(path):
            found.setdefault(os.path.realpath(unit.path), unit)
    units = list(found.values())
    label_files = {labels.path_for(unit.path) for unit in units} if labels is not None else set()
    given = {os.path.realpath(path) for path in inputs}
    return [u for u in units if not _is_left_out(u, not_files, label_files) or os.path.realpath(u.path) in given]


def _is_left_out(unit: InputUnit, not_files: str, labels: set[Path | None]) -> bool:
    if not unit.is_image_file:
        return False
    return unit.path in labels or bool(not_files and re.search(not_files, unit.path.name))


def _units_of(path: Path) -> Iterator[InputUnit]:
    if path.is_dir():
        yield from _units_of_folder(path)
    elif path.suffix.lower() in LIST_ENDINGS:
        for line in _listed(path):
            if not line.exists():
                raise InputError(f"{path.name} lists {line}, which does not exist.")
            yield from _units_of_folder(line) if line.is_dir() else [InputUnit(line)]
    else:
        yield InputUnit(path)


def _listed(path: Path) -> list[Path]:
    """The paths of a list, one a line, relative to it; empty lines and those that begin with # are passed over."""
    if path.stat().st_size > MAX_LIST_BYTES:
        raise InputError(f"{path.name} is larger than {MAX_LIST_BYTES >> 20} MiB; that is no list of paths.")
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is no text in UTF-8: a list holds one path a line.") from error
    paths = [path.parent / line for line in lines if line and not line.startswith("#")]
    if not paths:
        raise InputError(f"{path.name} lists no path.")
    return paths


def _units_of_folder(folder: Path) -> Iterator[InputUnit]:
    """Each folder below is a unit (a patient or a study), or all of this one where DICOM files lie in it directly."""
    entries = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    folders = [p for p in entries if p.is_dir()]
    files = [p for p in entries if p.is_file()]
    loose = [p for p in files if not is_supported_image(p) and not _is_zip(p) and _is_named_as_dicom(p)]
    if any(_begins_as_dicom(p) for p in loose) or (loose and not folders):
        yield from _dicom_and_images(folder)
        return
    for path in [p for p in files if is_supported_image(p) or _is_zip(p)] + loose:
        yield InputUnit(path)
    for path in folders:
        yield from _dicom_and_images(path)


def _dicom_and_images(folder: Path) -> Iterator[InputUnit]:
    inside = sorted(p for p in folder.rglob("*") if p.is_file() and (is_supported_image(p) or _is_zip(p)))
    yield InputUnit(folder, may_be_empty=bool(inside))
    yield from (InputUnit(p) for p in inside)


def _is_zip(path: Path) -> bool:
    return path.suffix.lower() == ".zip"


def _is_named_as_dicom(path: Path) -> bool:
    suffix = path.suffix.lower()
    return suffix in _DICOM_ENDINGS or suffix[1:].isdigit()


def _begins_as_dicom(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            stream.seek(_MAGIC_AT)
            return stream.read(4) == b"DICM"
    except OSError:
        return False
