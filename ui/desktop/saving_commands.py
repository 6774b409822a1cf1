"""Keeping what was done: the twin, its plans, and the question before something is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog, QPushButton

from .command_base import make_button
from .jobs import JobRunner
from .kept_settings import KeptSettings
from .opener import Opener
from .planning.plan_commands import PlanCommands
from .planning.planning import Planning
from .planning.recovery import Found
from .report_commands import ReportCommands
from .saver import Saver
from .state import AppState

if TYPE_CHECKING:
    from .main_window import MainWindow


class SavingCommands(ReportCommands):
    """What is not saved is never dropped unasked."""

    def __init__(
        self, state: AppState, jobs: JobRunner, kept: KeptSettings, opener: Opener, saver: Saver, window: MainWindow
    ) -> None:
        super().__init__(state, jobs, kept, opener, saver, window)
        self._planning: Planning = window.planning
        self.plans = PlanCommands(self._planning.desk, self.start_folder, window)

    def listen_to_plans(self) -> None:
        """Once the window has its parts."""
        window, planning = self._window, self._planning
        planning.found.connect(self._offer_found)
        planning.desk.problem_found.connect(window.notice.tell)
        planning.desk.on_fault(window.errors.show_error)
        self.plans.said.connect(window.timeline.say)
        self.plans.failed.connect(window.errors.show_error)
        self.plans.twin_to_save.connect(self._save_twin)
        self.plans.compared.connect(planning.compare)

    def close_twin(self) -> None:
        def close() -> None:
            self._jobs.cancel()
            self.state.close()

        def close_unsaved() -> None:
            self._planning.forget()
            close()

        words = self.unsaved_words()
        if words:
            self._window.notice.tell(words, self._saving_button(), make_button("Close unsaved", close_unsaved))
        else:
            close()

    def unsaved_words(self) -> str:
        """What would be lost if the twin were closed, for a person; empty if nothing would be."""
        if self.state.twin is None:
            return ""
        plans = ", ".join(d.name for d in self._planning.book.changed)
        if not self.state.is_saved:
            return f"This twin is not saved, nor its plans: {plans}." if plans else "This twin is not saved."
        return f"Not saved: {plans}." if plans else ""

    def save(self) -> None:
        """The plans, and the twin itself where it is not on the disk yet; there is nothing else to save."""
        self.plans.save()
        if self.state.is_saved and not self.state.can_edit and not self._planning.book.changed:
            self.ask_save_as()

    def _save_twin(self) -> None:
        """Where twins go, or ask."""
        self._saver.save_new()

    def _offer_found(self, found: tuple[Found, ...]) -> None:
        """Plans were not saved when the program last ended: nothing is brought back or thrown away unasked."""
        names = ", ".join(f.name for f in found)
        put_away = self._window.put_away
        self._window.notice.tell(
            f"Unsaved plans were found: {names}.",
            make_button("Restore", put_away(lambda: self._planning.restore(found)), primary=True),
            make_button("Throw away", put_away(self._planning.forget)),
            is_warning=False,
        )

    def ask_save_as(self) -> None:
        twin = self.state.twin
        if twin is None:
            return
        dialog = QFileDialog(self._window, "Save the twin as", self.start_folder())
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("twin")
        dialog.selectFile(f"{twin.case_id}.twin")
        self._ask_file(dialog, self._saver.save_as)

    def ask_before_leaving(self) -> None:
        """The window is to be closed with a twin that is not saved."""

        def leave() -> None:
            self._window.leaves_unsaved = True
            self._planning.forget()
            self._window.close()

        words = self.unsaved_words() or "This twin is not saved."
        self._window.notice.tell(words, self._saving_button(), make_button("Quit unsaved", leave))

    def _ask_place(self) -> None:
        folder = self._saver.folder()
        choose = make_button("Another folder…", self._choose_place)
        self._window.notice.tell(
            f"This twin is not saved yet. New twins go to {folder}.", self._saving_button(), choose, is_warning=False
        )

    def _saving_button(self) -> QPushButton:
        """The plans first, in the twin as it is in memory, then the twin where it is not on the disk yet."""
        is_saved = self.state.is_saved

        def save() -> None:
            self._planning.book.save()
            if not is_saved:
                self._saver.choose_folder(self._saver.folder())

        words = "Save" if is_saved or self._kept.now.twins_folder else "Save there"
        return make_button(words, self._window.put_away(save), primary=True)

    def _choose_place(self) -> None:
        dialog = QFileDialog(self._window, "New twins go to", str(self._saver.folder()))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        self._ask_file(dialog, self._window.put_away_with(self._saver.choose_folder))
