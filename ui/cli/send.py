"""`surgtwin send`: DICOM files given to an archive; what it did not take is named."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from surgtwin.dicom.net_commit import confirm_storage
from surgtwin.dicom.net_contexts import class_name
from surgtwin.dicom.net_dimse import DimseArchive
from surgtwin.dicom.net_web import WebArchive
from surgtwin.dicom.pydicom_read import read_object
from surgtwin.errors import DicomError, InputError, SourceError

from .archive_choice import open_archive, peer_of
from .console import ProgressBar, say, write_json
from .usage import UsageError

SOME_FAILED = 4


def run(options: argparse.Namespace) -> int:
    """Send each file; exit code 4 if some were not taken, 3 if none was."""
    archive = open_archive(options)
    if options.commit is not None and isinstance(archive, WebArchive):
        raise UsageError("--commit goes with --pacs: DICOMweb has no storage commitment here.")
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
    if options.commit is not None:
        _confirm(options, told)
    refused = [one for one in told if one["reason"]]
    if options.json:
        write_json({"sent": len(told) - len(refused), "files": told})
    else:
        for one in refused:
            say(f"NOT SENT  {one['file']}: {one['reason']}")
        say(f"{len(told) - len(refused)} of {len(told)} objects were stored.")
    return 0 if not refused else (SOME_FAILED if len(refused) < len(told) else InputError.exit_code)


def _sent(archive: DimseArchive | WebArchive, path: Path) -> dict[str, Any]:
    about = {"file": str(path), "class": "", "instance": ""}
    try:
        ds = read_object(path, "object")
        about |= {"class": str(ds.get("SOPClassUID", "")), "instance": str(ds.get("SOPInstanceUID", ""))}
        reason = archive.store(path) if isinstance(archive, DimseArchive) else archive.store(path.read_bytes())
    except (DicomError, SourceError) as error:
        reason = str(error)
    except OSError as error:
        reason = f"it cannot be read: {error.strerror}"
    return {**about, "kind": class_name(about["class"]), "reason": reason or None}


def _confirm(options: argparse.Namespace, told: list[dict[str, Any]]) -> None:
    """Ask the archive whether it keeps what it took; what it does not vouch for counts as not sent."""
    sent = {uid: one for one in told if not one["reason"] for uid in [one["instance"]]}
    if not sent:
        return
    found = confirm_storage(
        peer_of(options),
        [(one["class"], uid) for uid, one in sent.items()],
        host=options.commit_host,
        port=options.commit,
        patience_s=options.timeout,
    )
    for uid, reason in found.items():
        sent[uid]["reason"] = reason or None
        sent[uid]["is_committed"] = not reason


def _files(paths: list[Path]) -> list[Path]:
    if not paths:
        raise UsageError("Name the files to send, or --echo to test the archive only.")
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise InputError(f"{path} does not exist.")
        found += sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    return found
