"""The files that a DICOMDIR lists (PS3.10, section 8; PS3.3, annex F)."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import DicomError
from .elements import ElementWalk, HeaderBytes
from .file_ref import FileRef, Sources, safe_name
from .header import read_header
from .limits import MAX_DICOMDIR_BYTES
from .locate import SkippedFile
from .values import ascii_text, items

DICOMDIR_CLASS = "1.2.840.10008.1.3.10"
_RECORDS = 0x00041220
_FILE_ID = 0x00041500


def referenced_files(ref: FileRef, sources: Sources) -> tuple[list[FileRef], list[SkippedFile]] | None:
    """The files of a DICOMDIR, and those it lists that are not there; None if `ref` is no DICOMDIR.

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
            wanted={_RECORDS, _FILE_ID},
            sequences={_RECORDS},
        )
        try:
            records = items(walk.run().elements, _RECORDS)
        except DicomError as error:
            raise DicomError(f"The DICOMDIR {ref.name} cannot be read: {error}. Open its folder instead.") from error
    root = ref.path.parent
    found: list[FileRef] = []
    missing: list[SkippedFile] = []
    for parts in sorted({tuple(ascii_text(r, _FILE_ID).split("\\")) for r in records} - {("",)}):
        name = safe_name("/".join(parts))
        path = _inside(root, parts)
        if path is None:
            missing.append(SkippedFile(Path(name), "the DICOMDIR lists it, but it is not there"))
        else:
            found.append(FileRef(path, name, path.stat().st_size))
    return found, missing


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
