"""The folder beside a twin where DICOM instances arrive: durable before they are acknowledged, held where in doubt.

    CASE.inbox/incoming/         files being written; a kill leaves them, the next start removes them
    CASE.inbox/series/UID/       instances of the twin's patient, one file each, and UID.json: what became of the series
    CASE.inbox/quarantine/UID/   instances that the patient gate holds back, and UID.json: why

Names are UIDs: nothing in a name tells who the patient is.
"""

from __future__ import annotations

import os
import secrets
import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psutil

from ..errors import DiskError
from ..store.durable import remove_quietly, sync_folder, write_file
from .dicom_arrival import Arrival, file_name_of
from .dicom_gate import Admission, Verdict
from .dicom_series_record import SeriesRecord, SeriesState, read_record, write_record

INCOMING, SERIES, QUARANTINE = "incoming", "series", "quarantine"
MIB = 2**20
_META_LENGTH_END = 144
DIFFERS = "an instance of the same UID is there already, with other contents"


class Kept(StrEnum):
    """What became of an instance."""

    STORED = "stored"
    KNOWN = "known"
    """The same bytes were there already: nothing changed."""
    QUARANTINED = "quarantined"


@dataclass(frozen=True)
class InboxLimits:
    """What the inbox may take of the disk.

    Parameters
    ----------
    most_bytes
        Of everything in it.
    spare_bytes
        Left free on the disk for the twin and the rest of the computer.
    """

    most_bytes: int = 200 * 1024 * MIB
    spare_bytes: int = 1024 * MIB


def inbox_of(twin: Path) -> Path:
    """Where instances for a twin arrive unless another folder is named."""
    return twin.with_name(f"{twin.name.removesuffix('.twin')}.inbox")


def make_private(folder: Path) -> None:
    """A new folder that only its owner can look into: what arrives names patients."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)


class Inbox:
    """Takes instances in, from several threads at once.

    Raises
    ------
    DiskError
        If the folder can't be made, or (from `put`) the disk is full. Nothing is acknowledged then.
    """

    def __init__(self, folder: Path, limits: InboxLimits | None = None) -> None:
        self.folder = Path(folder)
        self._limits = limits or InboxLimits()
        self._lock = threading.Lock()
        self._synced: set[Path] = set()
        try:
            make_private(self.folder)
            for name in (INCOMING, SERIES, QUARANTINE):
                (self.folder / name).mkdir(exist_ok=True)
            _remove_partials(self.folder / INCOMING)
            self._used = sum(entry.stat().st_size for entry in self.folder.rglob("*.dcm"))
        except OSError as error:
            raise _disk_error(error) from error

    def put(self, chunks: Sequence[bytes | memoryview], arrival: Arrival, admission: Admission) -> Kept:
        """Keep one instance; when this returns, it survives a kill and a power cut.

        An instance that is there already, byte for byte, is left as it is, wherever it lies. One whose bytes differ
        from what is there under the same UID goes to quarantine: nobody can tell which of them is right.
        """
        size = sum(len(memoryview(c).cast("B")) for c in chunks)
        self.require_room(size)
        name, instance = file_name_of(arrival.series_uid), file_name_of(arrival.sop_instance_uid)
        try:
            partial = self.folder / INCOMING / f"{os.getpid()}-{secrets.token_hex(8)}.part"
            write_file(partial, chunks)
            try:
                kept = self._keep(partial, name, instance, arrival, admission)
            finally:
                remove_quietly(partial)
        except OSError as error:
            raise _disk_error(error) from error
        if kept is not Kept.KNOWN:
            with self._lock:
                self._used += size
        return kept

    def require_room(self, size: int) -> None:
        """Raises DiskError where `size` more bytes would not leave what has to be left free."""
        try:
            free = shutil.disk_usage(self.folder).free
        except OSError as error:
            raise _disk_error(error) from error
        if free - size < self._limits.spare_bytes:
            spare = self._limits.spare_bytes // MIB
            raise DiskError(f"The inbox's disk has {free // MIB} MiB free; {spare} MiB must stay. Free some space.")
        if self._used + size > self._limits.most_bytes:
            raise DiskError(
                f"The inbox holds {self._used // MIB} MiB and may hold {self._limits.most_bytes // MIB}. "
                "Discard series from it (surgtwin live inbox)."
            )

    def _keep(self, partial: Path, name: str, instance: str, arrival: Arrival, admission: Admission) -> Kept:
        with self._lock:
            regular = self.folder / SERIES / name / f"{instance}.dcm"
            held = self.folder / QUARANTINE / name / f"{instance}.dcm"
            for there in (regular, held):
                if there.exists() and same_contents(partial, there):
                    sync_folder(there.parent)
                    return Kept.KNOWN
            admission = self._considered(admission, name)
            if admission.verdict is Verdict.ADMITTED and not regular.exists():
                self._note_name(name, arrival)
                self._place(partial, regular)
                return Kept.STORED
            if admission.verdict is Verdict.ADMITTED:
                admission = Admission(Verdict.HELD, DIFFERS)
            self._note_held(name, arrival, admission)
            self._place(partial, _free_name(held))
            return Kept.QUARANTINED

    def _considered(self, admission: Admission, name: str) -> Admission:
        """What was held back goes where its series went, once a person admitted that; a conflict never does."""
        if admission.verdict is Verdict.HELD and read_record(self.folder / SERIES, name).admitted_by:
            return Admission(Verdict.ADMITTED)
        return admission

    def _place(self, partial: Path, target: Path) -> None:
        if target.parent not in self._synced or not target.parent.exists():
            target.parent.mkdir(exist_ok=True)
            sync_folder(target.parent.parent)
            self._synced.add(target.parent)
        partial.replace(target)
        sync_folder(target.parent)

    def _note_name(self, name: str, arrival: Arrival) -> None:
        """A folder that could not be named after its series says which one it is."""
        if name != arrival.series_uid and not read_record(self.folder / SERIES, name).series_uid:
            write_record(self.folder / SERIES, name, SeriesRecord(arrival.series_uid))

    def _note_held(self, name: str, arrival: Arrival, admission: Admission) -> None:
        """The reason first, then the file: one without the other is a reason without a file, which harms nothing."""
        folder = self.folder / QUARANTINE
        record = read_record(folder, name)
        reasons = tuple(dict.fromkeys((*record.reasons, admission.reason)))
        is_conflicting = record.is_conflicting or admission.verdict is Verdict.CONFLICTING
        new = SeriesRecord(
            arrival.series_uid,
            SeriesState.HELD,
            reasons,
            modality=arrival.modality,
            description=arrival.description,
            is_conflicting=is_conflicting,
        )
        if new != record:
            write_record(folder, name, new)


def same_contents(one: Path, other: Path) -> bool:
    """Whether two DICOM files hold the same data set, byte for byte; their meta headers may differ."""
    with one.open("rb") as a, other.open("rb") as b:
        starts = [_data_start(f.read(_META_LENGTH_END)) for f in (a, b)]
        sizes = [p.stat().st_size - start for p, start in zip((one, other), starts, strict=True)]
        if sizes[0] != sizes[1]:
            return False
        a.seek(starts[0])
        b.seek(starts[1])
        while piece := a.read(MIB):
            if piece != b.read(MIB):
                return False
    return True


def _data_start(head: bytes) -> int:
    """Where the data set begins, if the file begins as the standard wants it (PS3.10, 7.1); else 0."""
    if head[128:140] != b"DICM\x02\x00\x00\x00UL\x04\x00" or len(head) < _META_LENGTH_END:
        return 0
    return _META_LENGTH_END + int.from_bytes(head[140:144], "little")


def _free_name(path: Path) -> Path:
    """`path`, or one beside it where something else of that UID lies."""
    number = 2
    free = path
    while free.exists():
        free, number = path.with_name(f"{path.stem}-{number}.dcm"), number + 1
    return free


def _remove_partials(folder: Path) -> None:
    """Those of processes that are gone: what they wrote was never acknowledged."""
    for partial in folder.glob("*.part"):
        pid = partial.name.split("-")[0]
        if not (pid.isdigit() and psutil.pid_exists(int(pid))):
            remove_quietly(partial)


def _disk_error(error: OSError) -> DiskError:
    return DiskError(f"The inbox could not be written: {error.strerror or type(error).__name__}. Check the disk.")
