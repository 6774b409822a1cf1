"""The folder of a batch: finished cases, records of failed ones, a run log, the manifest. Nothing is half there.

OUT/cases/NAME/...        what was written for a case, with `case.json`
OUT/failed/CASE_ID/...    record and picture of a case that its own content makes fail
OUT/protocol.json         what was asked for
OUT/run-log.jsonl         what happened, a line each
OUT/manifest.json         every file with size, SHA-256 and case
OUT/index.html            the page that a person reads
OUT/key.json              which input a case is of: may name patients, keep it
OUT/.work/                cases that are being made
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from ..atomic_file import write_atomically, write_bytes_atomically
from ..errors import DiskError, InputError, TwinLockedError
from ..store.durable import sync_folder
from ..store.lock import WriterLock
from .batch_case import RECORD, as_text, files_in, is_of_twin

CASES, FAILED, REPLACED, WORK = "cases", "failed", "replaced", ".work"
PROTOCOL, RUN_LOG, MANIFEST, PAGE, KEY = "protocol.json", "run-log.jsonl", "manifest.json", "index.html", "key.json"
PRIVATE_MODE = 0o600
Json = dict[str, Any]


class BatchFolder:
    """The folder that a batch writes to, held against a second batch from `open` to `close`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = WriterLock(path / WORK)

    def __enter__(self) -> BatchFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    @classmethod
    def open(cls, path: Path, *, resume: bool) -> BatchFolder:
        """Make the folder, or go on with one; what a killed run left half-made is removed.

        Raises
        ------
        InputError
            If there is something that is no batch, a batch and `resume` is False, or another batch writes to it.
        DiskError
            If the folder cannot be written.
        """
        check_folder(path, resume=resume)
        folder = cls(path)
        try:
            for name in (CASES, FAILED, WORK):
                (path / name).mkdir(parents=True, exist_ok=True)
            folder._lock.acquire()
        except TwinLockedError as error:
            raise InputError(f"Another batch writes to {path}. Wait for it, or give another folder.") from error
        except OSError as error:
            raise DiskError(f"The folder {path} cannot be written: {error.strerror}.") from error
        for left in (path / WORK).iterdir():
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
        return folder

    def staging(self) -> Path:
        """Where a case in the making goes: a name that is free; the folder is made when the case begins."""
        return self.path / WORK / f"case-{secrets.token_hex(6)}"

    def discard(self, staging: Path) -> None:
        """Remove what was made of a case that failed."""
        shutil.rmtree(staging, ignore_errors=True)

    def publish(self, staging: Path, name: str, record: Mapping[str, Any]) -> Json:
        """Give a finished case (or the record of a failed one) its place; an older one of that case goes.

        Raises
        ------
        DiskError
            If it cannot be renamed or made durable.
        """
        state = CASES if record["state"] == "done" else FAILED
        target = self.path / state / (name if state == CASES else str(record["case_id"]))
        try:
            for inner, _, _ in os.walk(staging):
                sync_folder(Path(inner))
            for old in self._folders_of(str(record["case_id"])) | ({target} if target.exists() else set()):
                self._take_away(old)
            staging.rename(target)
            sync_folder(target.parent)
        except OSError as error:
            raise DiskError(f"The case {record['case_id']} cannot be put in place: {error.strerror}.") from error
        return {**record, "folder": f"{state}/{target.name}"}

    def _take_away(self, old: Path) -> None:
        """Remove an older state of a case; one whose twin somebody has worked on since is kept aside."""
        if _is_worked_on(old):
            (self.path / REPLACED).mkdir(exist_ok=True)
            old.rename(self.path / REPLACED / f"{old.name}-{secrets.token_hex(4)}")
            return
        gone = self.path / WORK / f"old-{secrets.token_hex(6)}"
        old.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def write(self, name: str, document: Any) -> None:
        """Write a JSON document of the whole batch. Raises DiskError."""
        write_bytes_atomically(self.path / name, as_text(document).encode("utf-8"))

    def write_key(self, document: Json) -> None:
        """Write the key, for its owner's eyes only; cases of earlier runs stay in it. Raises DiskError."""
        path = self.path / KEY
        earlier: Json = {}
        with suppress(OSError, ValueError, KeyError, TypeError):
            earlier = dict(json.loads(path.read_text(encoding="utf-8"))["cases"])
        text = as_text({**document, "cases": {**earlier, **document["cases"]}})

        def fill(temporary: Path) -> None:
            temporary.touch(mode=PRIVATE_MODE)
            temporary.write_text(text, encoding="utf-8")

        write_atomically(path, fill)

    def _folders_of(self, case_id: str) -> set[Path]:
        found = set()
        for state in (CASES, FAILED):
            for path in (self.path / state).glob(f"*{case_id}*"):
                record = _read_record(path / RECORD)
                if record is None or record["case_id"] == case_id:
                    found.add(path)
        return found


class RunLog:
    """What happens, one JSON document a line, each on the medium before the next thing is done."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("ab", buffering=0)
            self._end_torn_line(path)
        except OSError as error:
            raise DiskError(f"The log {path} cannot be written: {error.strerror}.") from error

    def _end_torn_line(self, path: Path) -> None:
        """A kill may have left half a line; what follows begins a new one."""
        with path.open("rb") as stream:
            if stream.seek(0, os.SEEK_END) > 0:
                stream.seek(-1, os.SEEK_END)
                if stream.read(1) != b"\n":
                    self._file.write(b"\n")

    def say(self, event: str, **facts: Any) -> None:
        """Add one line. Raises DiskError."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time_utc": now, "event": event, **facts}, ensure_ascii=False, allow_nan=False)
        try:
            self._file.write(line.encode("utf-8") + b"\n")
            os.fsync(self._file.fileno())
        except OSError as error:
            raise DiskError(f"The run log cannot be written: {error.strerror}.") from error

    def close(self) -> None:
        self._file.close()


def check_folder(path: Path, *, resume: bool) -> None:
    """Raise InputError if a batch must not be written to `path`. Writes nothing."""
    if not path.exists():
        return
    if not path.is_dir():
        raise InputError(f"{path} is a file; a batch is written to a folder.")
    is_batch = (path / PROTOCOL).is_file() or (path / WORK).is_dir()
    if is_batch and not resume:
        raise InputError(f"{path} holds a batch already. Go on with it (--resume), or give another folder.")
    if not is_batch and any(path.iterdir()):
        raise InputError(f"{path} holds other files. Give a new or empty folder.")


def finished_records(path: Path) -> dict[str, Json]:
    """The records of finished and of failed cases in a batch's folder by case id, those whose files are all there."""
    found: dict[str, Json] = {}
    for state in (FAILED, CASES):
        for place in sorted((path / state).glob(f"*/{RECORD}")):
            record = _read_record(place)
            if record is not None and _is_whole(place.parent, record):
                found[record["case_id"]] = {**record, "folder": f"{state}/{place.parent.name}"}
    return found


def folder_name(template: str, record: Mapping[str, Any]) -> str:
    """The name of a case's folder."""
    values = {"case_id": record["case_id"], "modality": record["modality"], "image": record["image_sha256"][:12]}
    return re.sub(r"\{(\w+)\}", lambda match: str(values[match[1]]), template)


def manifest(
    records: Mapping[str, Json], failures: list[Json], left_out: int, folder: BatchFolder, header: Mapping[str, Any]
) -> Json:
    """Everything that was written, and what came of every input; the same for the same outputs, whenever made.

    Parameters
    ----------
    failures
        Of inputs that have no record: number of the input, case if known, type, message.
    left_out
        Inputs that hold nothing the protocol takes.
    """
    ordered = [records[case_id] for case_id in sorted(records)]
    cases = [
        {
            "case_id": r["case_id"],
            "state": r["state"],
            "folder": r["folder"],
            "key": r["key"],
            "failure": r["failure"],
            "structures": {s["name"]: s["volume_ml"] for s in r["structures"] if s["voxels"]},
            "findings": _counted(r),
        }
        for r in ordered
    ]
    done = sum(r["state"] == "done" for r in ordered)
    return {
        **header,
        "counts": {"done": done, "failed": len(ordered) - done + len(failures), "left_out": left_out},
        "cases": cases,
        "failures": sorted(failures, key=lambda f: (f["input"], f["case_id"] or "")),
        "files": [entry for r in ordered for entry in _entries(folder.path, r)],
    }


def _entries(root: Path, record: Json) -> list[Json]:
    case, place = record["case_id"], record["folder"]
    entries = [{**f, "path": f"{place}/{f['path']}", "case": case} for f in record["files"]]
    own = files_in(root / place, only=RECORD)
    return entries + [{**f, "path": f"{place}/{f['path']}", "case": case} for f in own]


def _counted(record: Json) -> dict[str, int]:
    severities = [f["severity"] for f in record["findings"]]
    return {s: severities.count(s) for s in ("error", "warning", "info")}


def _read_record(path: Path) -> Json | None:
    """The record of a case; None if it is none that this program wrote."""
    with suppress(OSError, ValueError):
        record = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(record, dict) and {"case_id", "key", "state", "files"} <= set(record):
            return record
    return None


def _is_whole(folder: Path, record: Json) -> bool:
    """Whether every file is there in its size; a twin may have grown since, by what people do with it."""
    with suppress(OSError):
        sizes = [((folder / f["path"]).stat().st_size, f) for f in record["files"]]
        return all(size == f["size"] or (is_of_twin(f["path"]) and size > 0) for size, f in sizes)
    return False


def _is_worked_on(folder: Path) -> bool:
    record = _read_record(folder / RECORD)
    of_twin = [f for f in files_in(folder) if is_of_twin(f["path"])]
    return bool(of_twin) and (record is None or of_twin != [f for f in record["files"] if is_of_twin(f["path"])])
