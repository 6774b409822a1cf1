"""Which images of a unit a protocol takes, and why: headers are read, nothing is loaded."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..dicom.file_ref import FileRef, Sources
from ..errors import DicomError, InputError, NoSeriesError
from ..progress import SILENT, Progress
from .batch_identity import names_in, without_names
from .batch_inputs import InputUnit
from .batch_protocol import Protocol, SeriesRules
from .images import ImageChoice, find_images


@dataclass(frozen=True)
class Candidate:
    """One image of a unit, judged by the rules.

    Parameters
    ----------
    load_path, key
        What `find_images` is given to find it again, and its `ImageChoice.key`.
    study
        Hash that the series of one study share; empty for files.
    is_taken, why
        The rules' verdict and its reason.
    is_refused
        True if it fits the rules, but cannot be used as it is.
    public_why
        `why` without names of files or patients.
    input_sha256
        Of the image's files, and of its labels' file where labels are given; empty if it is not taken.
    labels
        The labels' file; empty if a network finds the structures.
    """

    load_path: str
    key: str
    study: str
    modality: str
    description: str
    slices: int | None
    score: float
    is_taken: bool
    why: str
    is_refused: bool = False
    input_sha256: str = ""
    labels: str = ""
    public_why: str = ""

    def as_json(self) -> dict[str, Any]:
        """Plain data; `Candidate(**data)` makes it again."""
        return asdict(self)


def candidates(unit: InputUnit, protocol: Protocol, progress: Progress = SILENT) -> tuple[Candidate, ...]:
    """Every image of a unit with the verdict of the rules, those taken first.

    Raises
    ------
    ImageError, NoSeriesError
        If the unit cannot be read, or holds no image although it should.
    """
    found = find_images(unit.path, progress)
    choices = [c for c in found.choices if c.file is None or unit.is_image_file]
    if not choices:
        if unit.may_be_empty:
            return ()
        found.pick()
        raise NoSeriesError("No image series was found.")
    judged = [_judge(choice, unit, protocol) for choice in choices]
    chosen = _each_its_own_labels(_best_of_studies(judged, protocol.series))
    taken = [_identified(c, choice, protocol) for c, choice in zip(chosen, choices, strict=True)]
    return tuple(sorted(taken, key=lambda c: (not c.is_taken, -c.score, c.key)))


def input_sha256(choice: ImageChoice, labels: Path | None = None, names: Path | None = None) -> str:
    """Hash of the bytes that make an image (its files, in any order and place) and the labels given with it.

    Raises
    ------
    InputError
        If a file cannot be read.
    """
    digests = sorted(_file_digests(choice))
    digest = hashlib.sha256(b"".join(digests))
    if choice.series is not None and choice.series.stack:
        digest.update(f"stack {choice.series.stack}".encode("ascii"))
    for extra in (labels, names):
        if extra is not None:
            digest.update(_digest_of(extra))
    return digest.hexdigest()


def _judge(choice: ImageChoice, unit: InputUnit, protocol: Protocol) -> Candidate:
    series = choice.series
    ruled_out = _against_rules(choice, protocol.series)
    refused = ruled_out or _unusable(choice, protocol)
    shape = series.shape_kji if series is not None else None
    study = hashlib.sha256(series.study_instance_uid.encode("utf-8")).hexdigest() if series is not None else ""
    labels = None if refused or protocol.labels is None else _labels_of(choice, unit, protocol)
    if protocol.labels is not None and not refused and labels is None:
        refused = "No labels lie beside it as the protocol says."
    why = refused or ", ".join(r for r in choice.reasons if r) or "fits the rules"
    names = names_in(unit.path, series.patient if series is not None else None)
    return Candidate(
        load_path=str(_load_path(choice, unit)),
        key=choice.key,
        study=study,
        modality=choice.modality or (protocol.series.files_are if series is None else ""),
        description=choice.description,
        slices=shape[0] if shape is not None else None,
        score=choice.score,
        is_taken=not refused,
        why=why,
        is_refused=bool(refused and not ruled_out),
        public_why=without_names(why, names),
        labels="" if labels is None else str(labels),
    )


def _against_rules(choice: ImageChoice, rules: SeriesRules) -> str:
    """Why the rules leave an image out; empty if they do not."""
    series = choice.series
    if choice.modality and choice.modality not in rules.modalities:
        return f"it is {choice.modality}; the protocol takes {' and '.join(rules.modalities)}"
    if series is None and rules.files_are and rules.files_are not in rules.modalities:
        return f"files are {rules.files_are}; the protocol takes {' and '.join(rules.modalities)}"
    if rules.description and not re.search(rules.description, choice.description, re.IGNORECASE):
        return f"its description does not hold '{rules.description}'"
    if rules.not_description and re.search(rules.not_description, choice.description, re.IGNORECASE):
        return f"its description holds '{rules.not_description}'"
    slices = series.shape_kji[0] if series is not None and series.shape_kji is not None else None
    if slices is not None and slices < rules.min_slices:
        return too_few_slices(slices, rules.min_slices)
    return ""


def _unusable(choice: ImageChoice, protocol: Protocol) -> str:
    """Why an image cannot be loaded; empty if it can."""
    is_mendable = choice.series is not None and choice.series.needs_regularise and protocol.series.regularise
    return "" if is_mendable else choice.refusal


def too_few_slices(found: int, needed: int) -> str:
    """The reason against an image of too few slices."""
    return f"it has {found} slices; the protocol needs {needed}"


def _best_of_studies(judged: Sequence[Candidate], rules: SeriesRules) -> list[Candidate]:
    """With `take: best` only the first-ranked of those of each study that fit."""
    if rules.take == "all":
        return list(judged)
    best: dict[str, Candidate] = {}
    for candidate in sorted((c for c in judged if c.is_taken), key=lambda c: (-c.score, c.key)):
        best.setdefault(candidate.study or candidate.key, candidate)
    kept = []
    for candidate in judged:
        winner = best.get(candidate.study or candidate.key)
        if candidate.is_taken and winner is not None and winner is not candidate:
            why = f"another series of its study ranks higher ({winner.score:g} against {candidate.score:g})"
            candidate = replace(candidate, is_taken=False, why=why)
        kept.append(candidate)
    return kept


def _each_its_own_labels(judged: Sequence[Candidate]) -> list[Candidate]:
    """One label map is that of one image: where several images of a folder claim it, none gets it."""
    claims = Counter(c.labels for c in judged if c.is_taken and c.labels)
    why = "Several images of this folder claim one label file. Give each series a folder of its own."
    return [
        replace(c, is_taken=False, is_refused=True, why=why, public_why=why)
        if c.is_taken and claims[c.labels] > 1
        else c
        for c in judged
    ]


def _identified(candidate: Candidate, choice: ImageChoice, protocol: Protocol) -> Candidate:
    if not candidate.is_taken:
        return candidate
    labels = Path(candidate.labels) if candidate.labels else None
    names = Path(protocol.labels.names) if protocol.labels is not None and protocol.labels.names else None
    return replace(candidate, input_sha256=input_sha256(choice, labels, names))


def _labels_of(choice: ImageChoice, unit: InputUnit, protocol: Protocol) -> Path | None:
    """The label file by the protocol's rule: beside an image file, or beside a series' folder and named after it."""
    rule = protocol.labels
    if rule is None:
        return None
    image = choice.file if choice.file is not None else _load_path(choice, unit)
    path = rule.path_for(image)
    return path if path is not None and path.is_file() else None


def _load_path(choice: ImageChoice, unit: InputUnit) -> Path:
    """The folder that holds all of a series, so that a large unit is not searched again; else the unit itself."""
    series = choice.series
    if choice.file is not None:
        return choice.file
    if series is None or series.unnamed or not unit.path.is_dir():
        return unit.path
    folders = {ref.path.parent for ref in _refs(choice)}
    common = Path(os.path.commonpath(folders)) if folders else unit.path
    return common if common.is_relative_to(unit.path) else unit.path


def _refs(choice: ImageChoice) -> list[FileRef]:
    if choice.series is None:
        return []
    return list(dict.fromkeys(frame.instance.ref for frame in choice.series.stack_frames))


def _file_digests(choice: ImageChoice) -> Iterable[bytes]:
    if choice.file is not None:
        return [_digest_of(choice.file)]
    found = []
    with Sources() as sources:
        for ref in _refs(choice):
            try:
                with sources.open(ref) as stream:
                    digest = hashlib.sha256()
                    while chunk := stream.read(2**20):
                        digest.update(chunk)
            except (DicomError, OSError) as error:
                raise InputError(f"A file of the series cannot be read: {error}.") from error
            found.append(digest.digest())
    return found


def _digest_of(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").digest()
    except OSError as error:
        raise InputError(f"{path.name} cannot be read: {error.strerror}.") from error
