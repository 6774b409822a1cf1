"""The one program that changes a twin."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from ..domain.measurement import Measurement
from ..domain.plan_shelf import PlanShelf
from ..domain.review import SignOff
from ..domain.twin import Revision, RevisionState, Side, Twin
from ..errors import DiskError, PatientMismatchError, TwinCorruptError, TwinError
from ..progress import SILENT, Progress
from . import database, layout
from . import event as kinds
from .acceptance import still_accepted
from .assemble import assemble
from .blobs import BlobStore
from .codec_twin import encode_measurement
from .codec_values import Record
from .disk_errors import explain_disk_errors
from .durable import remove_quietly
from .encode_twin import encode_revision_events, parts_of
from .event import EventDraft, chain_break
from .file_system import network_file_system
from .fold import TwinState, fold
from .journal import find_twin
from .known_objects import KnownObjects
from .lock import WriterLock
from .migrate import check_schema, migrate_in_place
from .plan_events import shelf_events
from .review_events import review_events
from .save import SOURCE


class TwinWriter:
    """A twin opened to change it; one writer per twin. It may be used from any thread.

    Use it as a context manager, or call `open` and, whatever happens, `close`.

    Every method that changes the twin returns when the change is on the medium; if it raises, nothing changed.

    Parameters
    ----------
    actor
        Who changes it, written into each event that does not name somebody else. One line, or empty.

    Raises
    ------
    TwinLockedError
        If another program has it open to write (with process, host and time); open it with `load_twin` instead.
    DiskError
        If it lies on a network share, where SQLite's write-ahead log is unsafe, or cannot be written.
    """

    def __init__(self, path: Path, *, actor: str = "", source: str = SOURCE, progress: Progress = SILENT) -> None:
        self._given = Path(path)
        self._actor, self._source, self._progress = actor, source, progress
        self._mutex = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._lock: WriterLock | None = None

    def __enter__(self) -> TwinWriter:
        return self.open()

    def open(self) -> TwinWriter:
        """Take the lock, bring the log up to date, and load the current revision."""
        self._folder = find_twin(self._given)
        _refuse_network(self._folder)
        with explain_disk_errors("open the twin to write", self._folder):
            self._lock = WriterLock(self._folder)
            self._lock.acquire()
            try:
                self._open()
            except BaseException:
                self.close()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave a folder that can be copied with plain `cp`, and give up the lock."""
        with self._mutex:
            try:
                if self._connection is not None:
                    database.close_at_rest(self._connection)
            finally:
                self._connection = None
                if self._lock is not None:
                    self._lock.release()

    @property
    def twin(self) -> Twin:
        """The twin at its current revision."""
        return self._twin

    @property
    def state(self) -> TwinState:
        """What the log says, all revisions included."""
        return self._state

    def append(
        self, twin: Twin, cause: str, state: RevisionState = RevisionState.ACCEPTED, *, progress: Progress = SILENT
    ) -> Twin:
        """Add a revision: images, labels, meshes, provenance and findings of `twin`; unchanged blobs are shared.

        The operated side, the measurements and the plans stay those of the log: `twin` may come from a long job that
        did not see the last statement. Structures stay accepted if their voxels and mesh are unchanged. An accepted
        revision becomes the current one; a proposed one waits for `judge`.

        Raises
        ------
        PatientMismatchError
            If it is another patient's.
        """
        with self._mutex, self._explained("add a revision"):
            if twin.patient.contradicts(self._twin.patient):
                raise PatientMismatchError("The new revision is of another patient than the twin. It was not added.")
            revision = Revision(self._state.next_number, self._state.current, cause, state, _now())
            accepted = still_accepted(self._twin, twin, self._twin.accepted)
            drafts = encode_revision_events(
                twin, revision, accepted, self._blobs, self._known, self._state.images, progress
            )
            self._write(drafts)
            added = self._assembled(revision.number)
            self._keep(added)
            self._known.keep_only([*parts_of(self._twin), *parts_of(added)])
            return added

    def judge(self, revision: int, state: RevisionState, *, by: str = "") -> Twin:
        """Accept, reject or supersede a proposed revision; an accepted one becomes the current one.

        Returns the current twin. Raises TwinError if the revision is not a proposed one.
        """
        with self._mutex, self._explained("judge a revision"):
            found = self._state.revision(revision).revision.state
            if found is not RevisionState.PROPOSED or state is RevisionState.PROPOSED:
                raise TwinError(f"Revision {revision} is {found}; only a proposed one can be judged.")
            return self._change(kinds.REVISION_JUDGED, {"number": revision, "state": state.value}, by)

    def revert(self, revision: int, *, by: str = "") -> Twin:
        """Make an earlier revision the current one again. Nothing is deleted; the revisions after it stay."""
        with self._mutex, self._explained("go back to a revision"):
            found = self._state.revision(revision).revision.state
            if found in (RevisionState.PROPOSED, RevisionState.REJECTED):
                raise TwinError(f"Revision {revision} is {found}: it never was the current one. Judge it instead.")
            return self._change(kinds.REVISION_REVERTED, {"to": revision}, by)

    def set_side(self, side: Side, *, by: str = "") -> Twin:
        """State the operated side."""
        with self._mutex, self._explained("state the operated side"):
            return self._change(kinds.SIDE_STATED, {"side": side.value}, by)

    def accept(self, name: str, by: str = "") -> Twin:
        """Record that a person has accepted a structure of the current revision."""
        with self._mutex, self._explained("accept a structure"):
            self._twin.labels.structure(name)
            return self._change(kinds.STRUCTURE_ACCEPTED, {"revision": self._state.current, "name": name}, by)

    def unaccept(self, name: str, by: str = "") -> Twin:
        """Take an acceptance back."""
        with self._mutex, self._explained("take an acceptance back"):
            self._twin.labels.structure(name)
            return self._change(kinds.STRUCTURE_UNACCEPTED, {"revision": self._state.current, "name": name}, by)

    def review(self, sign_offs: Sequence[SignOff]) -> Twin:
        """Keep what a reader says of structures of the current revision, all of it or nothing.

        What is accepted or corrected counts as accepted from now on, what is rejected no longer does. Signatures are
        not checked here; whoever shows them checks them.

        Raises
        ------
        ReviewError
            If a structure is not the one the reader saw.
        """
        with self._mutex, self._explained("keep a review"):
            self._write(review_events(self._twin, sign_offs))
            self._keep(self._assembled(None))
            return self._twin

    def take_patient_data(self, received: EventDraft, by: str = "") -> Twin:
        """Keep what arrived of the patient beside images (`patient_events.received_event`), or what it changed."""
        with self._mutex, self._explained("keep the patient's values"):
            return self._change(received.kind, received.payload, by)

    def add_measurement(self, measurement: Measurement, by: str = "") -> Twin:
        """Keep a measurement; one with the same id is replaced."""
        with self._mutex, self._explained("keep a measurement"):
            self._twin.image(measurement.image_id)
            return self._change(kinds.MEASUREMENT_ADDED, {"measurement": encode_measurement(measurement)}, by)

    def remove_measurement(self, measurement_id: str, by: str = "") -> Twin:
        """Remove a measurement from the state; the log still tells that there was one."""
        with self._mutex, self._explained("remove a measurement"):
            if measurement_id not in self._state.measurements:
                raise TwinError(f"There is no measurement '{measurement_id}'.")
            return self._change(kinds.MEASUREMENT_REMOVED, {"measurement_id": measurement_id}, by)

    def change_plans(self, change: Callable[[PlanShelf], PlanShelf], by: str = "") -> Twin:
        """Save, rename, copy, remove, restore or approve plans: `change` makes another shelf of today's.

        All that it changed is written in one step; a shelf that is equal adds nothing to the log.

        Raises
        ------
        PlanError, TwinError
            As `change` raises, or if the shelf it gives lacks something of the history.
        """
        with self._mutex, self._explained("change the plans"):
            old = self._twin.shelf
            drafts = shelf_events(old, change(old), self._blobs, self._known, by)
            if drafts:
                self._write(drafts)
                self._keep(self._assembled(None))
            return self._twin

    def _open(self) -> None:
        self._prepare_schema()
        self._connection = database.open_to_write(layout.database(self._folder))
        events = database.read_rows(self._connection)
        broken = chain_break(events)
        if broken:
            raise TwinCorruptError(f"The log of '{self._folder.name}' is damaged. {broken} Restore it from a copy.")
        self._state = fold(events)
        self._blobs = BlobStore(self._folder)
        self._known = KnownObjects()
        self._remove_strays({name for event in events for name in event.blobs})
        self._keep(self._assembled(None, self._progress))

    def _prepare_schema(self) -> None:
        connection = database.connect(layout.database(self._folder), "mode=rw")
        try:
            schema = database.read_schema(connection)
        finally:
            connection.close()
        if check_schema(schema, self._folder):
            migrate_in_place(self._folder)

    def _remove_strays(self, needed: set[str]) -> None:
        """What a kill left between a blob and its event. Safe: this is the only writer."""
        for path in [*self._blobs.strays(needed), *self._folder.glob(f"{layout.INCOMING}*")]:
            remove_quietly(path)

    def _change(self, kind: str, payload: Record, by: str) -> Twin:
        """One event, and the current twin after it."""
        self._write([EventDraft(kind, payload, by or self._actor)])
        self._keep(self._assembled(None))
        return self._twin

    def _write(self, drafts: Sequence[EventDraft]) -> None:
        if self._connection is None:
            raise TwinError("The twin was closed; open it again to change it.")
        drafts = [replace(draft, actor=draft.actor or self._actor) for draft in drafts]
        self._blobs.sync()
        database.append(self._connection, drafts, self._source)
        self._state = fold(database.read_rows(self._connection, self._state.seq), self._state)
        database.checkpoint(self._connection)

    def _assembled(self, revision: int | None, progress: Progress = SILENT) -> Twin:
        return assemble(self._state, revision, self._blobs, self._known, progress)

    def _keep(self, twin: Twin) -> None:
        """Take over the twin if it is the current one, and hold no arrays but its own."""
        if twin.revision.number == self._state.current:
            self._twin = twin
            self._known.keep_only(parts_of(twin))

    def _explained(self, doing: str) -> AbstractContextManager[None]:
        return explain_disk_errors(doing, self._folder)


def _refuse_network(folder: Path) -> None:
    kind = network_file_system(folder)
    if kind:
        raise DiskError(
            f"'{folder}' lies on a network file system ({kind}), where changes could be lost. Copy the folder to a "
            "local disk to change it, and copy it back; it can be opened read-only where it is."
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
