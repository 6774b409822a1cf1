"""`surgtwin send`: DICOM files given to an archive; what it did not take is named."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from surgtwin.dicom.net_contexts import class_name
from surgtwin.dicom.net_dimse import DimseArchive
from surgtwin.dicom.net_web import WebArchive
from surgtwin.dicom.pydicom_read import read_object, sop_class_of
from surgtwin.errors import DicomError, InputError, SourceError

from .archive_choice import open_archive
from .console import ProgressBar, say, write_json
from .usage import UsageError

SOME_FAILED = 4


def run(options: argparse.Namespace) -> int:
    """Send each file; exit code 4 if some were not taken, 3 if none was."""
    archive = open_archive(options)
    if options.echo:
        archive.echo()
        if options.json and not options.files:
            write_json({"echo": True})
        elif not options.files:
            say("The archive answers.")
        if not options.files:
            return 0
    files = _files(options.files)
    told: list[dict[str, Any]] = []
    bar = ProgressBar()
    try:
        for n, path in enumerate(files):
            bar.progress().update(n / len(files), f"Sending {path.name}")
            told.append(_sent(archive, path))
    finally:
        bar.close()
    refused = [one for one in told if one["reason"]]
    if options.json:
        write_json({"sent": len(told) - len(refused), "files": told})
    else:
        for one in refused:
            say(f"NOT SENT  {one['file']}: {one['reason']}")
        say(f"{len(told) - len(refused)} of {len(told)} objects were stored.")
    return 0 if not refused else (SOME_FAILED if len(refused) < len(told) else InputError.exit_code)


def _sent(archive: DimseArchive | WebArchive, path: Path) -> dict[str, Any]:
    try:
        if isinstance(archive, DimseArchive):
            reason = archive.store(path)
        else:
            read_object(path, "object")
            reason = archive.store(path.read_bytes())
    except (DicomError, SourceError) as error:
        reason = str(error)
    except OSError as error:
        reason = f"it cannot be read: {error.strerror}"
    return {"file": str(path), "kind": class_name(sop_class_of(path)), "reason": reason or None}


def _files(paths: list[Path]) -> list[Path]:
    if not paths:
        raise UsageError("Name the files to send, or --echo to test the archive only.")
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise InputError(f"{path} does not exist.")
        found += sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    return found
