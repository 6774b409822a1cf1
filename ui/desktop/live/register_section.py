"""Register the tracker to the image by touching landmarks, and find a tool's tip by swinging it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QProgressBar,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
)

from surgtwin.errors import DiskError
from surgtwin.live.tool_tip import write_tool_tip, write_tracker_to_image
from surgtwin.registration.landmarks import FEWEST_POINTS

from ..panels.labels import Section, set_role, text_label
from ..wording import millimetres
from .desk import LiveDesk
from .pivoting import LEAST_POSES, Pivoting
from .registering import GOOD_TRE_MM, Registering, target_of
from .tool_section import JSON_FILTER

HOW = (
    "Put the cross-hair on a landmark in the image, touch the same place on the patient with the tool, and take it. "
    "Three places that are far apart and not on a line are needed; more are better."
)
LIST_PX = 96


class RegisterSection(Section):
    """Pairs with their residuals; the error that counts is the one predicted at the target."""

    problem_found = Signal(str)

    def __init__(self, desk: LiveDesk) -> None:
        super().__init__("Register by landmarks")
        self._desk, self.model = desk, Registering(desk, self)
        self.model.problem_found.connect(self.problem_found)
        self.how = text_label(HOW, "quiet", wrap=True)
        self.take = QPushButton("Take this point")
        self.take.setToolTip("The tool's tip touches what lies under the cross-hair; hold it still")
        self.take.clicked.connect(self._take_or_stop)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.list = QTreeWidget()
        self.list.setHeaderLabels(["", "in the image, mm", "left over"])
        self.list.setRootIsDecorated(False)
        self.list.setFixedHeight(LIST_PX)
        self.list.setAccessibleName("Points that were taken")
        header = self.list.header()
        header.setStretchLastSection(False)
        for n, way in enumerate((QHeaderView.ResizeMode.ResizeToContents, QHeaderView.ResizeMode.Stretch)):
            header.setSectionResizeMode(n, way)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.ResizeToContents)
        self.words = text_label(wrap=True)
        self.remove = QPushButton("Remove")
        self.remove.clicked.connect(self._remove)
        self.use = QPushButton("Use it")
        self.use.setProperty("role", "primary")
        self.use.clicked.connect(self.use_it)
        self.save = QPushButton("Save\u2026")
        self.save.clicked.connect(self._ask_save)
        self._lay_out()
        for signal in (self.model.changed, desk.links_changed, desk.chosen_changed, desk.state.cursor_moved):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        model, desk = self.model, self._desk
        self.take.setText("Stop" if model.is_taking else "Take this point")
        self.take.setEnabled(desk.link is not None and bool(desk.device))
        self.bar.setVisible(model.is_taking)
        self.bar.setValue(round(100 * model.taken_share))
        self.list.setVisible(bool(model.pairs))
        self._fill()
        for button in (self.remove, self.use, self.save):
            button.setVisible(bool(model.pairs))
        for button in (self.use, self.save):
            button.setEnabled(model.fit is not None)
        words, role = self._result_words()
        self.words.setText(words)
        self.words.setVisible(bool(words))
        set_role(self.words, role)

    def use_it(self) -> None:
        """From now on the tool is shown and measured by this registration."""
        found, link = self.model.result(target_of(self._desk)[0]), self._desk.link
        if found is not None and link is not None:
            self._desk.register(link, found)

    def save_to(self, path: Path) -> None:
        """Write the file that `surgtwin live listen --lps-from-tracker` and this window read."""
        found = self.model.result(target_of(self._desk)[0])
        if found is not None:
            try:
                write_tracker_to_image(path, found.transform.matrix, found.tre_mm)
            except DiskError as error:
                self.problem_found.emit(str(error))

    def _result_words(self) -> tuple[str, str]:
        model = self.model
        if model.problem:
            return f"\u25b2 {model.problem}", "violated"
        if model.fit is None:
            left = FEWEST_POINTS - len(model.pairs)
            return (f"{left} more {'point is' if left == 1 else 'points are'} needed." if model.pairs else ""), "quiet"
        target, name = target_of(self._desk)
        error_mm = model.error_at(target) or 0.0
        role = "safe" if error_mm <= GOOD_TRE_MM else "unproven"
        mark = "\u2713" if error_mm <= GOOD_TRE_MM else "\u25c7"
        residual = f"The points stay {millimetres(model.fit.fre_mm)} mm apart, which says nothing of the target."
        return f"{mark} Expected error at {name}: {millimetres(error_mm)} mm. {residual}", role

    def _fill(self) -> None:
        model = self.model
        texts = []
        for n, pair in enumerate(model.pairs):
            place = "  ".join(f"{v:.0f}" for v in pair.image_mm).replace("-", "\u2212")
            left = "" if model.fit is None else f"{millimetres(float(model.fit.residuals_mm[n]))} mm"
            texts.append([str(n + 1), place, left])
        items = [self.list.topLevelItem(n) for n in range(self.list.topLevelItemCount())]
        if [[i.text(c) for c in range(3)] for i in items if i is not None] != texts:
            self.list.clear()
            self.list.addTopLevelItems([QTreeWidgetItem(row) for row in texts])

    def _take_or_stop(self) -> None:
        if self.model.is_taking:
            self.model.stop()
        else:
            self.model.take()

    def _remove(self) -> None:
        row = self.list.currentIndex().row()
        self.model.remove(row if row >= 0 else len(self.model.pairs) - 1)

    def _ask_save(self) -> None:
        ask_save(self, "Save the registration", "registration.json", self.save_to)

    def _lay_out(self) -> None:
        self.body.addWidget(self.how)
        self.body.addWidget(self.take, 0, Qt.AlignmentFlag.AlignLeft)
        self.body.addWidget(self.bar)
        self.body.addWidget(self.list)
        self.body.addWidget(self.words)
        row = QHBoxLayout()
        row.setSpacing(8)
        for button in (self.use, self.save, self.remove):
            row.addWidget(button)
        row.addStretch(1)
        self.body.addLayout(row)


class TipSection(Section):
    """Swing the tool about its resting tip."""

    problem_found = Signal(str)

    def __init__(self, desk: LiveDesk) -> None:
        super().__init__("Find the tool's tip")
        self._desk, self.model = desk, Pivoting(desk, self)
        self.how = text_label(
            "Rest the tip in a hole that it cannot leave, start, and swing the handle around in a wide cone.",
            "quiet",
            wrap=True,
        )
        self.start = QPushButton("Start")
        self.start.clicked.connect(self._start_or_stop)
        self.words = text_label(wrap=True)
        self.use = QPushButton("Use it")
        self.use.setProperty("role", "primary")
        self.use.clicked.connect(self.model.use)
        self.save = QPushButton("Save\u2026")
        self.save.clicked.connect(lambda: ask_save(self, "Save the tool's tip", "tip.json", self.save_to))
        self.body.addWidget(self.how)
        self.body.addWidget(self.words)
        row = QHBoxLayout()
        row.setSpacing(8)
        for button in (self.start, self.use, self.save):
            row.addWidget(button)
        row.addStretch(1)
        self.body.addLayout(row)
        for signal in (self.model.changed, desk.links_changed, desk.chosen_changed):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        model, desk = self.model, self._desk
        self.start.setText("Stop" if model.is_running else "Start")
        self.start.setEnabled(desk.link is not None and bool(desk.device))
        words, role = self._words()
        self.words.setText(words)
        self.words.setVisible(bool(words))
        set_role(self.words, role)
        for button in (self.use, self.save):
            button.setVisible(model.tip is not None and not model.is_running)

    def save_to(self, path: Path) -> None:
        """Write the file that `surgtwin live listen --tool` and this window read."""
        if self.model.tip is not None:
            try:
                write_tool_tip(path, self.model.tip)
            except DiskError as error:
                self.problem_found.emit(str(error))

    def _words(self) -> tuple[str, str]:
        model = self.model
        if model.is_running:
            return f"{model.count} poses; stop after {LEAST_POSES} or more, when you have swung all around.", "quiet"
        if model.problem:
            return f"\u25b2 {model.problem}", "violated"
        fit, tip = model.fit, model.tip
        if fit is None or tip is None:
            return "", "quiet"
        x, y, z = (millimetres(v) for v in tip.tip_mm)
        out = f", {fit.left_out} left out" if fit.left_out else ""
        return (
            f"\u2713 The tip is known to {tip.error_mm:.2f} mm: {x}  {y}  {z} from the marker. "
            f"{len(fit.residuals_mm)} poses{out}, {fit.rms_mm:.2f} mm left over.",
            "safe",
        )

    def _start_or_stop(self) -> None:
        if self.model.is_running:
            self.model.stop()
        else:
            self.model.start()


def ask_save(section: Section, title: str, name: str, then: Callable[[Path], None]) -> None:
    """A file to write, asked for without waiting."""
    dialog = QFileDialog(section.window(), title, "", JSON_FILTER)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix("json")
    dialog.selectFile(name)
    dialog.fileSelected.connect(lambda path: then(Path(path)))
    dialog.finished.connect(lambda _code: dialog.deleteLater())
    dialog.open()
