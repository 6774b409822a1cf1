"""The figures of the plan: what remains and what is taken, with error bars, and each margin with its verdict."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QBrush, QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from surgtwin.planning.resection import VolumeFigure

from .. import theme
from ..panels.labels import Section, discard, set_role, text_label
from ..wording import millilitres, millimetres
from .desk import PlanDesk
from .figures import CutNumbers, MarginNumbers
from .verdict_look import LOOKS, verdict_text

TELLS_APART = 0.05
"""Percentages nearer than this read the same."""
COMPUTING, PREVIEW, EXACT = "computing\u2026", "preview\u2026", ""
NO_BODY = "Height and weight give the standardised remnant (sFLR)."


class FiguresSection(Section):
    """Follows the desk; labels are made anew only when there are others."""

    go_to = Signal(object)
    """An LPS place that a person wants to see."""

    def __init__(self, desk: PlanDesk) -> None:
        super().__init__("What remains")
        self._desk = desk
        self.state = text_label(role="quiet")
        self.percent = text_label(role="hero")
        self.verdict = text_label()
        self.bar = RemnantBar()
        self.rows = FigureRows()
        self.body_hint = text_label(NO_BODY, "quiet", wrap=True)
        self.doubt = text_label(role="unproven", wrap=True)
        top = QHBoxLayout()
        top.addWidget(self.percent)
        top.addWidget(self.verdict)
        top.addStretch(1)
        top.addWidget(self.state, 0, Qt.AlignmentFlag.AlignRight)
        self.body.addLayout(top)
        self.body.addWidget(self.bar)
        self.body.addWidget(self.rows)
        self.body.addWidget(self.body_hint)
        self.body.addWidget(self.doubt)
        desk.state.details_changed.connect(self.refresh)
        desk.judged_changed.connect(self.refresh)
        self.refresh()

    @property
    def numbers(self) -> CutNumbers | None:
        """Those of all cuts of the chosen one's organ together; of the chosen one while the others are not known."""
        judged, cut = self._desk.judged, self._desk.cut
        if judged is None or cut is None:
            return None
        together = next((n for n in judged.together if n.organ == cut.organ), None)
        return together or judged.numbers.get(cut.name)

    @property
    def doubtful(self) -> tuple[str, ...]:
        """The organ and the targets that no person has accepted."""
        cut = self._desk.cut
        used = (cut.organ, *cut.targets) if cut is not None else ()
        return tuple(name for name in used if not self._desk.state.is_accepted(name))

    def refresh(self) -> None:
        numbers = self.numbers
        self.setVisible(numbers is not None)
        if numbers is None:
            return
        is_now = self._desk.judged is not None and self._desk.judged.plan == self._desk.plan
        self.state.setText(COMPUTING if not is_now else EXACT if numbers.is_exact else PREVIEW)
        for widget in (self.percent, self.verdict, self.bar, self.rows):
            widget.setEnabled(is_now)
        self.percent.setText(f"{numbers.remnant_percent:.0f} %")
        self.percent.setToolTip(f"Remnant in percent of the {numbers.organ}, give or take {numbers.percent_error:.1f}")
        if numbers.verdict is not None:
            self.verdict.setText(verdict_text(numbers.verdict))
            set_role(self.verdict, LOOKS[numbers.verdict].role)
        self.verdict.setVisible(numbers.verdict is not None)
        doubtful = self.doubtful
        self.doubt.setText(f"\u25c7 rests on what no person has accepted: {', '.join(doubtful)}")
        self.doubt.setVisible(bool(doubtful))
        self.bar.show_numbers(numbers)
        self.rows.show_rows(_rows(numbers))
        self.body_hint.setVisible(numbers.least_percent is not None and not numbers.sflr_percent)


class MarginsSection(Section):
    """Each target of the chosen cut: how near the cut passes, how sure that is, and where."""

    go_to = Signal(object)

    def __init__(self, desk: PlanDesk) -> None:
        super().__init__("Margins")
        self._desk = desk
        self._lines: list[MarginLine] = []
        self._column = QVBoxLayout()
        self._column.setSpacing(4)
        self.body.addLayout(self._column)
        self.none = text_label("No target is chosen: nothing to keep a margin from.", "quiet", wrap=True)
        self.body.addWidget(self.none)
        desk.judged_changed.connect(self.refresh)
        self.refresh()

    @property
    def margins(self) -> tuple[MarginNumbers, ...]:
        judged, cut = self._desk.judged, self._desk.cut
        numbers = judged.numbers.get(cut.name) if judged is not None and cut is not None else None
        return numbers.margins if numbers is not None else ()

    def refresh(self) -> None:
        margins, cut = self.margins, self._desk.cut
        self.setVisible(cut is not None)
        self.none.setVisible(cut is not None and not cut.targets)
        while len(self._lines) > len(margins):
            discard(self._lines.pop())
        while len(self._lines) < len(margins):
            line = MarginLine(self.go_to.emit)
            self._lines.append(line)
            self._column.addWidget(line)
        is_now = self._desk.judged is not None and self._desk.judged.plan == self._desk.plan
        for line, margin in zip(self._lines, margins, strict=True):
            line.show_margin(margin)
            line.setEnabled(is_now)

    def line(self, target: str) -> MarginLine:
        return next(line for line in self._lines if line.target == target)


class MarginLine(QWidget):
    """One target's margin in two lines of text, with a way to its worst place."""

    def __init__(self, go_to: Callable[[object], object]) -> None:
        super().__init__()
        self.target = ""
        self._margin: MarginNumbers | None = None
        self.value = text_label(role="section")
        self.verdict = text_label()
        self.about = text_label(role="quiet", wrap=True)
        self.show_worst = QPushButton("Show")
        self.show_worst.setToolTip("Take all four views to the place where the margin is least")
        self.show_worst.clicked.connect(lambda: go_to(self._margin.at_mm if self._margin is not None else None))
        words = QVBoxLayout()
        words.setSpacing(0)
        first = QHBoxLayout()
        first.setSpacing(8)
        first.addWidget(self.value)
        first.addWidget(self.verdict)
        first.addStretch(1)
        words.addLayout(first)
        words.addWidget(self.about)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addLayout(words, 1)
        row.addWidget(self.show_worst, 0, Qt.AlignmentFlag.AlignTop)

    def show_margin(self, margin: MarginNumbers) -> None:
        self._margin, self.target = margin, margin.target
        look = LOOKS[margin.verdict]
        value = (
            f"{millimetres(margin.min_mm)} \u00b1 {margin.error_mm:.1f} mm" if margin.min_mm is not None else "\u2013"
        )
        self.value.setText(value)
        self.verdict.setText(verdict_text(margin.verdict))
        set_role(self.verdict, look.role)
        reason = f": {margin.reason}" if margin.reason else ""
        self.about.setText(f"to {margin.target}, {margin.wanted_mm:g} mm wanted{reason}")
        self.show_worst.setVisible(margin.at_mm is not None)


class FigureRows(QWidget):
    """Names on the left, numbers under each other on the right."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(0, 1)
        self._labels: list[tuple[QLabel, QLabel]] = []

    def show_rows(self, rows: list[tuple[str, str, str]]) -> None:
        """Name, number, and what is told when the mouse rests on it."""
        while len(self._labels) > len(rows):
            for label in self._labels.pop():
                discard(label)
        while len(self._labels) < len(rows):
            pair = text_label(role="quiet"), text_label()
            for column, label in enumerate(pair):
                self._grid.addWidget(label, len(self._labels), column)
            self._labels.append(pair)
        for (name, number), (words, value, tip) in zip(self._labels, rows, strict=True):
            name.setText(words)
            number.setText(value)
            number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            for label in (name, number):
                label.setToolTip(tip)

    def texts(self) -> dict[str, str]:
        """What is shown, by name."""
        return {name.text(): number.text() for name, number in self._labels}


class RemnantBar(QWidget):
    """The organ as a bar: what stays is filled, what goes is hatched; a tick where too little would stay."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers: CutNumbers | None = None
        self.setAccessibleName("Share of the organ that remains")

    def show_numbers(self, numbers: CutNumbers) -> None:
        self._numbers = numbers
        least = numbers.least_percent
        self.setToolTip(f"The tick marks {least:.0f} %, the least in use for this tissue" if least is not None else "")
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(160, 20)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(80, 20)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        numbers = self._numbers
        if numbers is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        room = QRectF(0.5, 4.5, self.width() - 1, 11)
        stays = room.width() * min(max(numbers.remnant_percent / 100.0, 0.0), 1.0)
        painter.fillRect(room, QColor(theme.BACKGROUND))
        painter.fillRect(room, QBrush(QColor(theme.QUIET), Qt.BrushStyle.BDiagPattern))
        painter.fillRect(QRectF(room.x(), room.y(), stays, room.height()), QColor(theme.TEXT))
        off = room.width() * numbers.percent_error / 100.0
        painter.setPen(QPen(QColor(theme.ACCENT), 2.0))
        y = room.center().y()
        painter.drawLine(int(stays - off), int(y), int(stays + off), int(y))
        if numbers.least_percent is not None:
            x = room.width() * numbers.least_percent / 100.0
            painter.setPen(QPen(QColor(theme.UNPROVEN), 2.0))
            painter.drawLine(int(x), 1, int(x), 19)
        painter.end()


def _rows(numbers: CutNumbers) -> list[tuple[str, str, str]]:
    organ = numbers.organ
    share = f"{numbers.remnant_percent:.1f} \u00b1 {numbers.percent_error:.1f} %"
    if not numbers.is_exact:
        share = f"\u2248 {numbers.remnant_percent:.1f} %"
    rows = [
        ("Remnant", _volume(numbers.remnant, numbers.is_exact), f"Of the {organ}, after the cut"),
        ("Resected", _volume(numbers.resected, numbers.is_exact), "With the targets"),
        (
            f"Whole {organ}",
            _volume(numbers.whole, numbers.is_exact),
            "With all its tissue; remnant and resected add up to it",
        ),
        ("Remnant share", share, f"Of the whole {organ}"),
    ]
    if abs(numbers.flr_percent - numbers.remnant_percent) >= TELLS_APART:
        tip = "Tumour-free remnant, of the organ without its tumours"
        rows.append(("Without tumours", f"{numbers.flr_percent:.1f} %", tip))
    for formula, percent in numbers.sflr_percent.items():
        tip = f"Tumour-free remnant, of the volume that {formula}'s formula gives for the body"
        rows.append((f"sFLR ({formula})", f"{percent:.1f} %", tip))
    if numbers.body_weight_percent is not None:
        tip = "Tumour-free remnant, 1 mL taken for 1 g"
        rows.append(("To body weight", f"{numbers.body_weight_percent:.2f} %", tip))
    return rows


def _volume(figure: VolumeFigure, is_exact: bool) -> str:
    """Without an error bar while it is only nearly known."""
    if not is_exact:
        return f"\u2248 {millilitres(figure.ml)} mL"
    error = millilitres(figure.error_ml) if figure.error_ml >= 1.0 else f"{figure.error_ml:.1f}"
    return f"{millilitres(figure.ml)} \u00b1 {error} mL"
