"""What can be done with plans: each is one method, asked for by a menu, a button or a key."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QInputDialog, QWidget

from surgtwin.atomic_file import write_bytes_atomically
from surgtwin.domain.plan import Plan, Resection
from surgtwin.errors import PlanError, SurgTwinError
from surgtwin.planning.edits import flipped, free_name, with_entry, with_surface, without_entry
from surgtwin.planning.plan_file import read_plan_file
from surgtwin.planning.plan_json import plan_as_json, plan_file_as_json

from .approval_dialog import ApprovalDialog, obstacles_of
from .compare_dialog import CompareChooser
from .desk import PlanDesk
from .laying import Way

PLAN_FILTER = "Plans (*.json);;All files (*)"


class PlanCommands(QObject):
    """Dialogs are opened here and never wait."""

    said = Signal(str)
    """A quiet word about what was just done."""
    failed = Signal(object)
    """An error that a person should read."""
    twin_to_save = Signal()
    """Plans are kept with the twin, and the twin itself is not on the disk yet."""
    compared = Signal(object)
    """Keys of two drafts that a person wants side by side."""

    def __init__(self, desk: PlanDesk, start_folder: Callable[[], str], window: QWidget) -> None:
        super().__init__(window)
        self.desk, self.book = desk, desk.book
        self._start_folder, self._window = start_folder, window

    # --- plans

    def new(self) -> None:
        self.book.add("Plan", Plan(patient=self.book.plan.patient), "New plan")

    def duplicate(self) -> None:
        self.book.duplicate()

    def ask_rename(self) -> QInputDialog | None:
        draft = self.book.current
        if draft is None:
            return None
        dialog = QInputDialog(self._window)
        dialog.setWindowTitle("Rename the plan")
        dialog.setLabelText("Name of the plan")
        dialog.setTextValue(draft.name)
        dialog.textValueSelected.connect(lambda name: self._try(lambda: self.book.rename(name.strip())))
        dialog.finished.connect(lambda _code: dialog.deleteLater())
        dialog.open()
        return dialog

    def remove(self) -> None:
        draft = self.book.current
        if draft is not None:
            self._try(self.book.remove)
            self.said.emit(f"Removed {draft.name}. Undo brings it back.")

    def save(self) -> None:
        """Keep all plans with the twin."""
        state, changed = self.desk.state, self.book.changed
        if state.twin is not None and not state.can_edit and changed:
            self.failed.emit(PlanError("This twin can't be changed here. Save a copy of it, or export the plan."))
            return
        self._try(self.book.save)
        if not state.is_saved:
            self.twin_to_save.emit()
        else:
            self.said.emit(f"Saved {', '.join(d.name for d in changed)}" if changed else "Everything is saved.")

    def ask_open(self) -> None:
        dialog = QFileDialog(self._window, "Open a plan", self._start_folder(), PLAN_FILTER)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        self._ask_file(dialog, self.open_file)

    def open_file(self, path: Path) -> None:
        """Add the plan of a file to those on the desk."""

        def read() -> None:
            file, twin = read_plan_file(path), self.desk.state.twin
            if twin is not None:
                file.require_case(twin.case_id)
            self.book.add(file.name, file.plan, f"Open {path.name}")

        self._try(read)

    def ask_export(self) -> None:
        draft = self.book.current
        if draft is None:
            return
        dialog = QFileDialog(self._window, "Export the plan", self._start_folder(), PLAN_FILTER)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("json")
        dialog.selectFile(f"{draft.name}.json")
        self._ask_file(dialog, self.export)

    def export(self, path: Path) -> None:
        """Write the plan on the screen as the command line reads it."""
        draft = self.book.current
        if draft is None:
            return
        twin = self.desk.state.twin
        content = plan_as_json(draft.plan, draft.name)
        if twin is not None:
            content = plan_file_as_json(draft.plan, draft.name, twin.case_id, twin.revision.number)
        text = json.dumps(content, indent=1)

        def write() -> None:
            write_bytes_atomically(path, text.encode("utf-8"))
            self.said.emit(f"Exported {path.name}")

        self._try(write)

    def approve_or_withdraw(self) -> ApprovalDialog | None:
        """Ask for an approval, with what stands against it; or take the one there is back."""
        draft, judged = self.book.current, self.desk.judged
        if draft is None:
            return None
        if self.book.is_approved:
            self._try(self.book.withdraw)
            return None
        if judged is None or judged.evaluation is None or not self.desk.is_exact:
            self.said.emit("The exact figures are still being computed; approve in a moment.")
            return None
        evaluation = judged.evaluation
        dialog = ApprovalDialog(draft.name, obstacles_of(evaluation), self._window)
        dialog.given.connect(lambda despite: self._try(lambda: self.book.approve(evaluation, despite)))
        dialog.open()
        return dialog

    def ask_compare(self) -> CompareChooser | None:
        """Which plan to put beside the one on the screen; at once where there is only one other."""
        current = self.book.current
        others = [d for d in self.book.drafts if current is not None and d.key != current.key and not d.plan.is_empty]
        if current is None or not others:
            return None
        if len(others) == 1:
            self.compared.emit((current.key, others[0].key))
            return None
        chooser = CompareChooser(current, others, self._window)
        chooser.chosen.connect(lambda key: self.compared.emit((current.key, key)))
        chooser.open()
        return chooser

    # --- cuts

    def lay(self) -> None:
        self.desk.start_laying(Way.PATCH)

    def bend(self, distance_mm: float) -> None:
        self.desk.bend(distance_mm)

    def flip(self) -> None:
        """Take the other side of the cut."""
        chosen = self.book.chosen
        if isinstance(chosen, Resection):
            cut = chosen
            self._try(
                lambda: self.book.apply(
                    with_surface(self.book.plan, cut.name, flipped(cut.surface)), f"Take the other side of {cut.name}"
                )
            )

    def duplicate_entry(self) -> None:
        """Another entry like the one that is worked on, under a name of its own."""
        chosen, plan = self.book.chosen, self.book.plan
        if chosen is not None:
            again = replace(chosen, name=free_name(plan, type(chosen), chosen.name))
            self.book.apply(with_entry(plan, again), f"Duplicate {chosen.name}", choose=again)
            self.book.choose(again)

    def remove_entry(self) -> None:
        chosen = self.book.chosen
        if chosen is not None:
            self.book.apply(without_entry(self.book.plan, chosen), f"Remove {chosen.name}")
            self.book.choose_first()

    # --- steps that several share

    def _try(self, act: Callable[[], object]) -> None:
        """Do it; what does not fit is told, and nothing has changed."""
        try:
            act()
        except SurgTwinError as error:
            self.failed.emit(error)

    def _ask_file(self, dialog: QFileDialog, then: Callable[[Path], object]) -> None:
        dialog.fileSelected.connect(lambda path: then(Path(path)))
        dialog.finished.connect(lambda _code: dialog.deleteLater())
        dialog.open()
