"""The tool's figures in type that is read from two metres; grey, with the reason, while they are withheld."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QFontMetrics
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout

from surgtwin.domain.verdict import Verdict
from surgtwin.live.guidance import Guidance

from ..panels.labels import ElidedLabel, set_role, text_label
from ..wording import millimetres
from .desk import LiveDesk
from .guidance_words import DASH, nearest_of, row_words, state_word
from .history import History

FIGURE_PX, SMALL_FIGURE_PX, WORD_PX = 52, 30, 14
"""At two metres letters of ten millimetres are read well (ISO 9241-303): 36 px on a common screen, and its cap height
is seven tenths of a font's size."""
WIDEST = "888.8"
MOST_ROWS, MOST_WARNINGS = 4, 2
_FLAG = Qt.AlignmentFlag


class Figure(QFrame):
    """A number with its unit, and what it is of underneath."""

    def __init__(self, unit: str, words: str, pixels: int) -> None:
        super().__init__()
        self.value = text_label(DASH)
        self.value.setFont(_font(pixels, QFont.Weight.DemiBold))
        # So that the unit keeps its place while the digits change.
        self.value.setMinimumWidth(QFontMetrics(self.value.font()).horizontalAdvance(WIDEST))
        self.unit = text_label(unit, "quiet")
        self.unit.setFont(_font(max(WORD_PX, pixels // 3)))
        self.words = text_label(words, "quiet")
        self.words.setFont(_font(WORD_PX))
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.value)
        row.addWidget(self.unit, 0, _FLAG.AlignBottom)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row)
        column.addWidget(self.words)

    def show_value(self, text: str, role: str = "") -> None:
        self.value.setText(text)
        set_role(self.value, role)


class GuidanceDisplay(QFrame):
    """Follows the desk: state, depth, offsets, what is near, what is breached."""

    def __init__(self, desk: LiveDesk, history: History) -> None:
        super().__init__()
        self.setObjectName("panelBody")
        self._desk, self._history = desk, history
        self.state_word = text_label()
        self.state_word.setFont(_font(18, QFont.Weight.DemiBold))
        self.tool = ElidedLabel(role="quiet", least_width=60)
        self.reason = text_label(role="unproven", wrap=True)
        self.reason.setFont(_font(WORD_PX))
        self.to_go = Figure("mm", "to the target", FIGURE_PX)
        self.off_axis = Figure("mm", "beside the way", SMALL_FIGURE_PX)
        self.angle = Figure("\u00b0", "off its direction", SMALL_FIGURE_PX)
        self.nearest = Figure("mm", "", FIGURE_PX)
        self.warnings = tuple(_warning() for _ in range(MOST_WARNINGS))
        self.rows = tuple((ElidedLabel(least_width=60), text_label()) for _ in range(MOST_ROWS))
        self._lay_out()
        for signal in (desk.tool_changed, desk.guidance_changed, desk.chosen_changed, desk.links_changed):
            signal.connect(self.refresh)
        history.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Bring words and figures up to date."""
        desk, guidance = self._desk, self._desk.guidance
        word, role = state_word(desk.seen)
        has_source = desk.link is not None
        self.state_word.setText(word if has_source else "No tracker")
        set_role(self.state_word, role if has_source else "quiet")
        self.tool.set_text(desk.device if has_source else "")
        notes = [note for note in (desk.notice, self._behind()) if note]
        self.reason.setText("\n".join(notes))
        self.reason.setVisible(bool(notes))
        self._show_way(guidance)
        self._show_nearest(guidance)
        self._show_warnings(guidance)

    def _behind(self) -> str:
        """Figures of organs as they lay before are no figures of today."""
        history = self._history
        if not history.is_behind:
            return ""
        return f"Figures are of revision {history.shown}; revision {history.current} is the one that counts."

    def _show_way(self, guidance: Guidance | None) -> None:
        has_way = self._desk.way is not None
        for figure in (self.to_go, self.off_axis, self.angle):
            figure.setVisible(has_way)
        self.nearest.setVisible(not has_way and self._desk.link is not None)
        offset = guidance.offset if guidance is not None else None
        if offset is None:
            for figure in (self.to_go, self.off_axis, self.angle):
                figure.show_value(DASH, "quiet")
            return
        self.to_go.words.setText("to the target" if offset.depth_to_go_mm >= 0 else "PAST the target")
        self.to_go.show_value(millimetres(abs(offset.depth_to_go_mm)), "" if offset.depth_to_go_mm >= 0 else "violated")
        self.off_axis.show_value(millimetres(offset.off_axis_mm))
        self.angle.show_value(f"{offset.angle_deg:.1f}")

    def _show_nearest(self, guidance: Guidance | None) -> None:
        found = nearest_of(guidance) if guidance is not None else None
        self.nearest.show_value(DASH if found is None else millimetres(abs(found[1])), "quiet" if found is None else "")
        self.nearest.words.setText("" if found is None else f"{'inside' if found[1] < 0 else 'from'} {found[0]}")
        near = list((guidance.clearances_mm or {}).items()) if guidance is not None else []
        shown = sorted((item for item in near if item[0] != "body"), key=lambda item: abs(item[1]))[:MOST_ROWS]
        for n, (name, value) in enumerate(self.rows):
            there = n < len(shown)
            name.set_text(shown[n][0] if there else "")
            value.setText(row_words(shown[n][1]) if there else "")

    def _show_warnings(self, guidance: Guidance | None) -> None:
        limits = guidance.limits if guidance is not None else ()
        told = [v for verdict in (Verdict.VIOLATED, Verdict.UNPROVEN) for v in limits if v.verdict is verdict]
        for n, label in enumerate(self.warnings):
            there = n < len(told)
            label.setVisible(there)
            if there:
                mark = "\u25b2" if told[n].verdict is Verdict.VIOLATED else "\u25c7"
                label.setText(f"{mark} {told[n].text}")
                set_role(label, told[n].verdict.value)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(4)
        head = QHBoxLayout()
        head.addWidget(self.state_word)
        head.addWidget(self.tool, 1, _FLAG.AlignRight | _FLAG.AlignVCenter)
        column.addLayout(head)
        column.addWidget(self.reason)
        column.addWidget(self.to_go)
        column.addWidget(self.nearest)
        beside = QHBoxLayout()
        beside.setSpacing(8)
        beside.addWidget(self.off_axis)
        beside.addWidget(self.angle)
        column.addLayout(beside)
        for label in self.warnings:
            column.addWidget(label)
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(2)
        for n, (name, value) in enumerate(self.rows):
            value.setAlignment(_FLAG.AlignRight | _FLAG.AlignVCenter)
            for label in (name, value):
                label.setFont(_font(WORD_PX))
            grid.addWidget(name, n, 0)
            grid.addWidget(value, n, 1)
        grid.setColumnStretch(0, 1)
        column.addLayout(grid)


def _warning() -> QLabel:
    label = text_label(role="violated", wrap=True)
    label.setFont(_font(WORD_PX, QFont.Weight.DemiBold))
    label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.MinimumExpanding)
    return label


def _font(pixels: int, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    font = QFont()
    font.setPixelSize(pixels)
    font.setWeight(weight)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font
