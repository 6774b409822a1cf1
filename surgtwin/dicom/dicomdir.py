"""The files that a DICOMDIR lists (PS3.10, section 8; PS3.3, annex F)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..errors import DicomError
from . import tags
from .elements import Elements, ElementWalk, HeaderBytes
from .file_ref import FileRef, Sources, safe_name
from .frame import Instance
from .header import read_header
from .limits import MAX_DICOMDIR_BYTES
from .locate import SkippedFile
from .values import ascii_text, items

DICOMDIR_CLASS = "1.2.840.10008.1.3.10"
_RECORDS = 0x00041220
_FILE_ID = 0x00041500
_RECORD_TYPE = 0x00041430
_INSTANCE_UID = 0x00041511


@dataclass(frozen=True)
class ListedFile:
    """A file that a DICOMDIR lists.

    Parameters
    ----------
    parts
        Its place below the DICOMDIR's folder.
    name
        As a FileRef's: relative to the input.
    series_instance_uid, sop_instance_uid
        Of the records it stands under, "" where they do not say.
    """

    parts: tuple[str, ...]
    name: str
    series_instance_uid: str
    sop_instance_uid: str


def listed_files(ref: FileRef, sources: Sources) -> tuple[ListedFile, ...] | None:
    """What a DICOMDIR lists; None if `ref` is no DICOMDIR.

    Raises
    ------
    DicomError
        If it is one, but damaged.
    """
    with sources.open(ref) as stream:
        try:
            header = read_header(stream)
        except DicomError:
            return None
    if header.media_sop_class != DICOMDIR_CLASS:
        return None
    with sources.open(ref) as stream:
        walk = ElementWalk(
            HeaderBytes(stream, MAX_DICOMDIR_BYTES),
            header.data_start,
            header.encoding,
            wanted={_RECORDS, _FILE_ID, _RECORD_TYPE, _INSTANCE_UID, tags.SERIES_INSTANCE_UID},
            sequences={_RECORDS},
        )
        try:
            records = items(walk.run().elements, _RECORDS)
        except DicomError as error:
            raise DicomError(f"The DICOMDIR {ref.name} cannot be read: {error}. Open its folder instead.") from error
    return _listed(records, str(PurePosixPath(ref.name).parent))


def _listed(records: Sequence[Elements], folder: str) -> tuple[ListedFile, ...]:
    """The records with a file; each belongs to the series whose record stands before it, as all writers order them."""
    found: dict[tuple[str, ...], ListedFile] = {}
    series = ""
    for record in records:
        kind = ascii_text(record, _RECORD_TYPE)
        if kind in ("PATIENT", "STUDY", "SERIES"):
            series = ascii_text(record, tags.SERIES_INSTANCE_UID)
        parts = tuple(ascii_text(record, _FILE_ID).split("\\"))
        if parts != ("",):
            name = safe_name("/".join((folder, *parts)))
            found[parts] = ListedFile(parts, name, series, ascii_text(record, _INSTANCE_UID))
    return tuple(found[parts] for parts in sorted(found))


def files_there(ref: FileRef, listed: Iterable[ListedFile]) -> list[FileRef]:
    """Those files of the DICOMDIR `ref` that lie where it says, in whatever case the medium was copied."""
    root = ref.path.parent
    there = ((file.name, _inside(root, file.parts)) for file in listed)
    return [FileRef(path, name, path.stat().st_size) for name, path in there if path is not None]


def indexed_in(files: list[FileRef], sources: Sources, skipped: list[SkippedFile]) -> tuple[ListedFile, ...]:
    """What the DICOMDIRs in a folder or zip list; a damaged one goes from `files` to `skipped`."""
    found: list[ListedFile] = []
    for ref in [f for f in files if PurePosixPath(f.name).name.upper() == "DICOMDIR"]:
        try:
            found.extend(listed_files(ref, sources) or ())
        except DicomError as error:
            files.remove(ref)
            skipped.append(SkippedFile(Path(ref.name), str(error)))
    return tuple(found)


def missing_files(
    listed: Sequence[ListedFile],
    files: Iterable[FileRef],
    skipped: Iterable[SkippedFile],
    instances: Sequence[Instance],
) -> list[SkippedFile]:
    """What a DICOMDIR lists and the input holds neither under that name nor, as a known instance, under another."""
    there = {f.name.lower() for f in files} | {s.path.as_posix().lower() for s in skipped}
    uids = {i.sop_instance_uid for i in instances} - {""}
    series_of = {i.ref.name.lower(): i.series_instance_uid for i in instances}
    is_in_order = all(series_of.get(f.name.lower(), f.series_instance_uid) == f.series_instance_uid for f in listed)
    return [
        SkippedFile(
            Path(f.name),
            "the DICOMDIR lists it, but it is not there",
            is_damaged=True,
            listed_series=f.series_instance_uid if is_in_order else "",
        )
        for f in listed
        if f.name.lower() not in there and f.sop_instance_uid not in uids
    ]


def _inside(root: Path, parts: tuple[str, ...]) -> Path | None:
    """The file below `root` of that name, in whatever case the medium was copied; None if there is none."""
    place = root
    for part in parts:
        if part in ("", ".", "..") or "/" in part or "\\" in part or ":" in part:
            return None
        exact = place / part
        if not exact.exists():
            try:
                names = {n.lower(): n for n in os.listdir(place)}  # noqa: PTH208 - names only
            except OSError:
                return None
            if part.lower() not in names:
                return None
            exact = place / names[part.lower()]
        place = exact
    return place if place.is_file() else None
