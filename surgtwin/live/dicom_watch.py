"""A watched folder as a source of DICOM, in a process of its own: whole files are copied into the inbox.

    python -m surgtwin.live.dicom_watch      started by `live watch`; configuration and events as JSON lines

The folder is looked through again and again, since shares on other machines announce no changes. Its files are never
changed, moved or removed.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..dicom.file_ref import FileRef, Sources
from ..dicom.header import NotDicomError
from ..dicom.locate import locate
from ..dicom.net_contexts import IMAGE_CLASSES, class_name
from ..domain.patient import Patient
from ..errors import DicomError, DiskError
from ..progress import SILENT
from .dicom_arrival import Arrival, read_arrival
from .dicom_child import limit_memory, read_configuration, tell, when_parent_is_gone
from .dicom_gate import judge_identity
from .dicom_inbox import MIB, Inbox, Kept

POLL_S = 0.5
PATIENCE_S = 60.0
"""A file that is cut short is waited for this long, then named."""
MAX_FILE_BYTES = 2048 * MIB
PROCESS_MEMORY = 4096 * MIB


@dataclass
class _Watched:
    """A file as it was last seen; `first` and `since` in monotonic seconds."""

    size: int
    changed_ns: int
    first: float
    since: float
    is_done: bool = False
    told: str = ""


class FolderWatch:
    """Looks through a folder and gives whole DICOM images to `put`.

    Parameters
    ----------
    settle_s
        A file unchanged for so long is taken for written.
    put
        Keeps one image; raises DiskError where it can't, and the file is tried again.
    told
        Called with a file's name and the reason, once for each, whenever one can't be taken.
    """

    def __init__(
        self,
        folder: Path,
        settle_s: float,
        put: Callable[[bytes, Arrival], object],
        told: Callable[[str, str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._settle_s, self._put, self._told, self._clock = folder, settle_s, put, told, clock
        self._files: dict[str, _Watched] = {}

    def look(self) -> int:
        """Look through the folder once; answers how many images were taken. Raises DicomError if it can't be read."""
        taken = 0
        with Sources() as sources:
            found, skipped = locate(self._folder, sources, SILENT)
        there = {str(ref.path) for ref in found} | {str(self._folder / one.path) for one in skipped}
        for gone in set(self._files) - there:
            del self._files[gone]
        for one in skipped:
            self._name_once(str(self._folder / one.path), str(one.path), one.reason)
        for ref in found:
            taken += self._look_at(ref)
        return taken

    def _look_at(self, ref: FileRef) -> bool:
        now = self._clock()
        try:
            status = ref.path.stat()
        except OSError:
            return False
        seen = self._files.get(str(ref.path))
        if seen is None or (seen.size, seen.changed_ns) != (status.st_size, status.st_mtime_ns):
            first = now if seen is None or seen.is_done else seen.first
            self._files[str(ref.path)] = _Watched(status.st_size, status.st_mtime_ns, first, now)
            return False
        if seen.is_done or now - seen.since < self._settle_s:
            return False
        return self._take(ref, seen, is_late=now - seen.since >= PATIENCE_S)

    def _take(self, ref: FileRef, seen: _Watched, *, is_late: bool) -> bool:
        """Take a file that has settled; one that is cut short may still be growing, on a slow share for a while."""
        try:
            data, arrival = _read(ref.path, seen.size)
        except NotDicomError as error:
            seen.is_done = True
            self._name(seen, ref.name, str(error))
            return False
        except (DicomError, OSError) as error:
            seen.is_done = is_late
            reason = str(error) if isinstance(error, DicomError) else (error.strerror or "it cannot be read")
            self._name(seen, ref.name, reason if is_late else f"{reason}; waiting for the rest of it")
            return False
        try:
            self._put(data, arrival)
        except DiskError as error:
            self._name(seen, ref.name, str(error))
            return False
        seen.is_done = True
        return True

    def _name(self, seen: _Watched, name: str, reason: str) -> None:
        if seen.told != reason:
            seen.told = reason
            self._told(name, reason)

    def _name_once(self, key: str, name: str, reason: str) -> None:
        seen = self._files.setdefault(key, _Watched(-1, -1, 0.0, 0.0, is_done=True))
        self._name(seen, name, reason)


def _read(path: Path, size: int) -> tuple[bytes, Arrival]:
    """A file's bytes and what they say. Raises DicomError with the bare reason, OSError."""
    with path.open("rb") as stream:
        if size > MAX_FILE_BYTES:
            raise NotDicomError(f"it is larger than {MAX_FILE_BYTES // MIB} MiB")
        arrival = read_arrival(stream, size)
        if arrival.sop_class_uid not in IMAGE_CLASSES:
            raise NotDicomError(f"it is no image of a kind that is taken in ({class_name(arrival.sop_class_uid)})")
        if "cut short" in arrival.fault:
            raise DicomError(arrival.fault)
        stream.seek(0)
        data = stream.read(size + 1)
    if len(data) != size:
        raise DicomError("it is being written")
    return data, arrival


def main() -> int:
    """Watch until the parent is gone or wants no more."""
    limit_memory(PROCESS_MEMORY)
    wanted = read_configuration()
    stop = threading.Event()
    when_parent_is_gone(stop)
    folder, patient = Path(wanted["folder"]), Patient(**wanted["patient"])
    if not folder.is_dir():
        tell("failed", reason=f"There is no folder {folder} to watch.")
        return 3
    try:
        inbox = Inbox(Path(wanted["inbox"]))
    except DiskError as error:
        tell("failed", reason=str(error))
        return error.exit_code

    told: set[tuple[str, str]] = set()

    def put(data: bytes, arrival: Arrival) -> None:
        admission = judge_identity(patient, arrival.patient)
        if inbox.put((data,), arrival, admission) is Kept.QUARANTINED:
            reason = admission.reason or "an instance of the same UID and other contents is there already"
            if (arrival.series_uid, reason) not in told:
                told.add((arrival.series_uid, reason))
                tell("quarantined", series=arrival.series_uid, reason=reason)

    tell("watching", folder=str(folder))
    _watch_until(stop, FolderWatch(folder, float(wanted["settle_s"]), put, _tell_of_file))
    return 0


def _tell_of_file(name: str, reason: str) -> None:
    tell("file", name=name, reason=reason)


def _watch_until(stop: threading.Event, watch: FolderWatch) -> None:
    told = ""
    while not stop.wait(POLL_S):
        try:
            watch.look()
            told = ""
        except DicomError as error:
            # A share that is away comes back; the operator is told once.
            if str(error) != told:
                told = str(error)
                _tell_of_file(".", told)


if __name__ == "__main__":
    sys.exit(main())
