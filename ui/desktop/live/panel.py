"""The panel of Live: the figures on top, always there; what they come from below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QApplication, QFrame, QScrollArea, QVBoxLayout, QWidget

from ..kept_settings import KeptSettings
from ..panels.labels import Section, horizontal_line
from ..planning.worker import LatestWorker
from .arrivals_section import ArrivalsSection
from .desk import LiveDesk
from .frames_section import FramesSection
from .guidance_display import GuidanceDisplay
from .register_section import RegisterSection, TipSection
from .sources_section import SourcesSection
from .tool_section import ToolSection

if TYPE_CHECKING:
    from .live import Live


class LivePanel(QWidget):
    """With no source it shows the one thing to do."""

    def __init__(self, desk: LiveDesk, kept: KeptSettings, worker: LatestWorker, live: Live) -> None:
        super().__init__()
        self._desk = desk
        self.setObjectName("panelBody")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.display = GuidanceDisplay(desk, live.history)
        self.arrivals = ArrivalsSection(live)
        self.sources = SourcesSection(desk, kept, worker)
        self.tool = ToolSection(desk)
        self.frames = FramesSection(desk)
        self.register = RegisterSection(desk)
        self.tip = TipSection(desk)
        sections = (self.sources, self.tool, self.frames, self.register, self.tip, self.arrivals)
        self._lines: dict[Section, QFrame] = {section: horizontal_line() for section in sections}
        self._body = QWidget()
        self._lay_out()
        for signal in (desk.links_changed, self.register.model.changed, self.tip.model.changed, desk.health_changed):
            signal.connect(self.refresh)
        self.refresh()

    @property
    def asking(self) -> tuple[ToolSection, FramesSection, RegisterSection, TipSection]:
        """Sections that may have to tell of a problem."""
        return self.tool, self.frames, self.register, self.tip

    def refresh(self) -> None:
        has_source = bool(self._desk.links)
        for section in self.asking:
            is_shown = has_source and (section is not self.frames or self.frames.has_images)
            section.setVisible(is_shown)
            self._lines[section].setVisible(is_shown)
        self.display.setVisible(has_source)
        # Sections deep inside change their size without the scroll area hearing of it: it would squeeze them.
        QApplication.postEvent(self._body, QEvent(QEvent.Type.LayoutRequest))

    def _lay_out(self) -> None:
        self._body.setObjectName("panelBody")
        column = QVBoxLayout(self._body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for section, line in self._lines.items():
            column.addWidget(section)
            column.addWidget(line)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self._body)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self.display)
        whole.addWidget(horizontal_line())
        whole.addWidget(scroll, 1)
