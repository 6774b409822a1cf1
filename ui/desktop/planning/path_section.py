"""Ask for a tool path: which instrument, through a trocar or free-hand, and two clicks lay it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtWidgets import QComboBox, QFileDialog, QGridLayout, QPushButton

from ..panels.labels import Section, set_role, text_label
from .desk import PlanDesk
from .needle_section import fit_narrow
from .path_hold import Placing
from .path_instruments import INSTRUMENTS, InstrumentRow, read_instrument
from .worker import LatestWorker

FROM_FILE = "From a file\u2026"
FILTER = "Instruments (*.json *.stl);;All files (*)"
TEACH = "Two clicks lay it: where the instrument comes in, and where its tip is to work. Then drag it."
WAYS = ("Through a trocar", "Free hand")
READ = "instrument"


class InstrumentBox(QComboBox):
    """The instruments of the table, those of files that were read, and a way to read one."""

    def __init__(self, desk: PlanDesk, worker: LatestWorker) -> None:
        super().__init__()
        self._desk, self._worker = desk, worker
        self.rows: list[InstrumentRow] = list(INSTRUMENTS)
        self.row = INSTRUMENTS[0]
        self.take: Callable[[InstrumentRow], object] = lambda _row: None
        self.setAccessibleName("Instrument")
        fit_narrow(self)
        self.activated.connect(self._on_activated)
        self._fill()

    def show_row(self, row: InstrumentRow) -> None:
        """Stand at a row, which is listed from now on."""
        if all(row is not known for known in self.rows):
            self.rows.append(row)
            self._fill()
        self.row = row
        self.setCurrentIndex(next(n for n, known in enumerate(self.rows) if known is row))
        self.setToolTip(row.about)

    def ask_file(self) -> QFileDialog:
        dialog = QFileDialog(self.window(), "Instrument", str(Path.home()), FILTER)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(lambda path: self.read(Path(path)))
        dialog.finished.connect(lambda _code: dialog.deleteLater())
        dialog.open()
        return dialog

    def read(self, path: Path) -> None:
        """Read an instrument on the worker: a mesh takes a moment."""

        def take(row: InstrumentRow) -> None:
            self.show_row(row)
            self.take(row)

        self._worker.ask(READ, lambda *_: read_instrument(path), take, self._desk.paths.edits.tell)

    def _fill(self) -> None:
        self.clear()
        self.addItems([row.name for row in self.rows] + [FROM_FILE])

    def _on_activated(self, n: int) -> None:
        if n < len(self.rows):
            self.show_row(self.rows[n])
            self.take(self.rows[n])
        else:
            self.show_row(self.row)
            self.ask_file()


class PathSection(Section):
    """Follows the desk of tool paths."""

    def __init__(self, desk: PlanDesk) -> None:
        super().__init__("Tool path")
        self._desk, self._paths = desk, desk.paths
        self.teach = text_label(TEACH, "quiet", wrap=True)
        self.instrument = InstrumentBox(desk, desk.paths.worker)
        self.instrument.take = lambda row: self._paths.set_choice(replace(self._paths.choice, row=row))
        self.way = QComboBox()
        self.way.setAccessibleName("Through a trocar or free-hand")
        self.way.addItems(WAYS)
        fit_narrow(self.way)
        self.way.activated.connect(lambda n: self._paths.set_choice(replace(self._paths.choice, through_port=n == 0)))
        self.about = text_label(role="quiet", wrap=True)
        self.add = QPushButton("Add a tool path")
        self.add.setCheckable(True)
        self.add.setToolTip("Click where the instrument comes in, then where its tip is to work  (I)")
        self.add.clicked.connect(self._toggle)
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        for n, (words, widget) in enumerate((("Instrument", self.instrument), ("Way", self.way))):
            grid.addWidget(text_label(words, "quiet"), n, 0)
            grid.addWidget(widget, n, 1)
        grid.setColumnStretch(1, 1)
        self.body.addWidget(self.teach)
        self.body.addLayout(grid)
        self.body.addWidget(self.about)
        self.body.addWidget(self.add)
        for signal in (self._paths.choice_changed, self._paths.placing_changed, desk.book.plan_changed):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        choice, is_placing = self._paths.choice, self._paths.placing in (Placing.ENTRY, Placing.TIP)
        self.instrument.show_row(choice.row)
        self.way.setCurrentIndex(0 if choice.through_port else 1)
        self.about.setText(choice.row.about)
        self.teach.setVisible(not self._desk.book.plan.tool_paths)
        self.add.setChecked(is_placing)
        set_role(self.add, "primary" if is_placing else "")

    def _toggle(self, on: bool) -> None:
        if on:
            self._paths.start_placing(Placing.ENTRY)
        else:
            self._paths.stop_placing()
