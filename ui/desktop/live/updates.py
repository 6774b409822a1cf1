"""An image that arrived: laid on the twin in the background, shown as a proposal, accepted or rejected by a person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from surgtwin.domain.twin import RevisionState, Twin
from surgtwin.live.update import UpdateSettings
from surgtwin.pipeline.images import ImageChoice, ImageChoices, find_images, load_choice
from surgtwin.pipeline.take_in import TakenIn, accept_revision, take_in
from surgtwin.progress import Progress

from ..dialogs.series_chooser import SeriesChooser
from ..planning.worker import LatestWorker
from .history import History
from .proposal_page import ProposalPage

if TYPE_CHECKING:
    from ..main_window import MainWindow

READ_ONLY = "This twin can't be changed here: another program has it, or an older revision is on the screen."
NOT_SAVED = "Save the twin first: what arrives is kept with it."


@dataclass(frozen=True, eq=False)
class _Pair:
    base: Twin
    proposed: Twin


class Updates(QObject):
    """Lives on the main thread; one proposal is before a person's eyes at a time."""

    page_changed = Signal()
    """A proposal is shown, or no more."""

    def __init__(self, window: MainWindow, history: History, worker: LatestWorker) -> None:
        super().__init__(window)
        self._window, self._state, self._jobs = window, window.state, window.jobs
        self._history, self._worker = history, worker
        self.page: ProposalPage | None = None
        window.state.twin_changed.connect(self._on_twin)
        window.planning.book.drafts_changed.connect(self._check_obstacle)

    # --- taking in

    @property
    def obstacle(self) -> str:
        """Why no image can be taken in now; empty if one can."""
        if self._state.path is None:
            return NOT_SAVED
        return READ_ONLY if self._history.writer is None or not self._state.can_edit else ""

    def take(self, path: Path) -> None:
        """A file or folder that a person chose: which image of it, is asked where there are several."""
        self._jobs.run(
            "Looking for images", lambda progress: _found(path, progress), self._choose, is_current=self._same_case()
        )

    def _choose(self, choices: ImageChoices) -> None:
        if len(choices.choices) == 1:
            self.take_choice(choices.choices[0])
            return
        chooser = SeriesChooser(choices, self._window)
        chooser.chosen.connect(self.take_choice)
        chooser.open()

    def take_choice(self, choice: ImageChoice, regularise: bool = False) -> None:
        """Lay one image on the twin, and keep what comes of it as a proposed revision."""
        writer = self._history.writer
        if writer is None:
            return

        def work(progress: Progress) -> _Pair:
            base = writer.twin
            arrived = load_choice(
                choice,
                regularise=regularise,
                modality=base.primary.modality if choice.series is None else None,
                progress=progress.part(0.0, 0.15),
            )
            taken: TakenIn = take_in(writer, arrived, UpdateSettings(), progress=progress.part(0.15, 1.0))
            return _Pair(base, taken.twin)

        self._jobs.run("Laying the image on the twin", work, self._propose, is_current=self._same_case())

    def _propose(self, pair: _Pair) -> None:
        self._history.refresh()
        self._show(pair.base, pair.proposed)

    def reopen(self, number: int) -> None:
        """A proposed revision that was put off, to be judged now."""
        writer = self._history.writer
        if writer is not None:
            self._history.load(number, lambda proposed: self._show(writer.twin, proposed))

    # --- the answer

    def accept(self) -> None:
        """A person's yes: the revision counts from now on, and plans are carried along."""
        writer, page = self._history.writer, self.page
        if writer is None or page is None or self._why_not_now():
            return
        proposed, by = page.proposed, self._window.kept.reader()
        self._jobs.run(
            "Accepting the revision",
            lambda _progress: accept_revision(writer, proposed, by=by),
            lambda twin: self._accepted(twin, proposed),
        )

    def reject(self) -> None:
        """A person's no: the revision stays in the history as rejected."""
        writer, page = self._history.writer, self.page
        if writer is None or page is None:
            return
        number, by = page.proposed.revision.number, self._window.kept.reader()
        self._jobs.run(
            "Rejecting the revision",
            lambda _progress: writer.judge(number, RevisionState.REJECTED, by=by),
            lambda _twin: self._rejected(number),
        )

    def put_off(self) -> None:
        """Look at the twin again; the proposal waits in the history."""
        page, self.page = self.page, None
        if page is not None:
            self._window.live.show_instead(None)
            page.dispose()
            page.deleteLater()
            self.page_changed.emit()

    def _on_twin(self) -> None:
        """A proposal belongs to the revision that was carried; another image of that one changes nothing."""
        twin, page = self._state.twin, self.page
        if page is None:
            return
        base = page.base
        if twin is None or (twin.case_id, twin.revision.number) != (base.case_id, base.revision.number):
            self.put_off()

    def _accepted(self, twin: Twin, proposed: Twin) -> None:
        self.put_off()
        self._history.adopt(twin)
        self._window.timeline.say(f"Revision {proposed.revision.number} is accepted: it is the one that counts.")

    def _rejected(self, number: int) -> None:
        self.put_off()
        self._history.refresh()
        self._window.timeline.say(f"Revision {number} is rejected. It stays in the history.")

    def _show(self, base: Twin, proposed: Twin) -> None:
        self.put_off()
        scene = self._window.live.scene
        self.page = ProposalPage(base, proposed, self._worker, scene, self._why_not_now())
        self.page.accepted.connect(self.accept)
        self.page.rejected.connect(self.reject)
        self.page.put_off.connect(self.put_off)
        self._window.live.show_instead(self.page)
        self.page_changed.emit()

    def _why_not_now(self) -> str:
        """A plan's unsaved edits would be lost with the revision that they were made on."""
        unsaved = ", ".join(d.name for d in self._window.planning.book.changed)
        return f"Save the plans first ({unsaved}): they are carried along as they are kept." if unsaved else ""

    def _check_obstacle(self) -> None:
        if self.page is not None:
            self.page.set_obstacle(self._why_not_now())

    def _same_case(self) -> Callable[[], bool]:
        """Whether the twin that a job was started on is still open."""
        path = self._state.path
        return lambda: self._state.path == path


def _found(path: Path, progress: Progress) -> ImageChoices:
    """What there is to choose from. Raises NoSeriesError if there is nothing."""
    choices = find_images(path, progress)
    if not choices.choices:
        choices.pick()
    return choices
