"""The panel of Plan: which plan, what is wrong with it, what is planned, and what it is worth."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QApplication, QCheckBox, QLabel, QScrollArea, QVBoxLayout, QWidget

from surgtwin.domain.finding import Finding

from ..panels.labels import Section, horizontal_line, text_label
from .cut_form import CutForm
from .desk import PlanDesk
from .entries_list import EntriesList
from .entry_kinds import KINDS
from .figures_section import FiguresSection, MarginsSection
from .laying_buttons import LayingButtons
from .map_view import MapSection
from .needle_section import NeedleSection
from .path_section import PathSection
from .patient_section import PatientSection
from .plan_bar import PlanBar
from .plan_commands import PlanCommands
from .plan_findings import PlanFindings
from .zone_section import ZoneSection


class PlanPanel(QScrollArea):
    """Empty, it shows the one thing to do; later it shows what is wrong first."""

    def __init__(self, desk: PlanDesk, commands: PlanCommands) -> None:
        super().__init__()
        self._desk = desk
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.bar = PlanBar(desk.book)
        self.bar.save_asked.connect(commands.save)
        self.bar.approve_asked.connect(commands.approve_or_withdraw)
        self.obstacle = _padded(text_label(role="quiet", wrap=True))
        self.findings = PlanFindings(desk)
        self.findings.go_to.connect(self._go_to_finding)
        self.findings_section = Section("Findings")
        self.findings_section.body.addWidget(self.findings)
        self.form = CutForm(desk)
        self.alone = QCheckBox()
        self.alone.setToolTip("Hide everything but the organ and what lies in it; the same again brings it back  (S)")
        self.alone.clicked.connect(self._show_alone)
        self.laying = LayingButtons(desk)
        self.entries = EntriesList(desk)
        self.cuts = self._make_cuts()
        self.needles = NeedleSection(desk)
        self.paths = PathSection(desk)
        self.zones = ZoneSection(desk)
        self.editors = {kind.kind: kind.make_editor(desk, commands) for kind in KINDS}
        self.shaping = self._make_editors()
        self.figures = FiguresSection(desk)
        self.margins = MarginsSection(desk)
        self.map = MapSection(desk)
        self.patient = PatientSection(desk.book)
        for section in (self.margins, self.map):
            section.go_to.connect(desk.state.go_to)
        self._lay_out()
        desk.state.structure_changed.connect(lambda _name: self.refresh())
        for signal in (desk.judged_changed, desk.book.plan_changed, desk.book.chosen_changed, desk.choice_changed):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """What there is decides what is shown."""
        obstacle, plan = self._desk.obstacle, self._desk.book.plan
        has_twin = not obstacle
        has_entries = not plan.is_empty
        self.obstacle.setText(obstacle)
        self.obstacle.setVisible(bool(obstacle))
        for widget in (self.bar, self.cuts, self.paths, self.needles, self.zones):
            widget.setVisible(has_twin)
        self.form.setVisible(not plan.resections)
        self.entries.setVisible(has_entries)
        self.findings_section.setVisible(has_entries and self.findings.is_known)
        self.findings_section.setEnabled(not self._desk.is_waiting)
        organ = self._organ
        self.alone.setVisible(bool(organ))
        self.alone.setText(f"Only the {organ} and what lies in it")
        self.alone.setChecked(bool(organ) and self._desk.state.soloed == organ)
        self.patient.setVisible(has_twin and has_entries)
        self.shaping.setVisible(self._desk.book.chosen is not None)
        body = self.widget()
        if body is not None:
            # Sections deep inside change their size without the scroll area hearing of it: it would squeeze them.
            QApplication.postEvent(body, QEvent(QEvent.Type.LayoutRequest))

    @property
    def _organ(self) -> str:
        cut = self._desk.cut
        return cut.organ if cut is not None else self._desk.choice.organ

    def _show_alone(self) -> None:
        state, organ = self._desk.state, self._organ
        state.solo(None if state.soloed == organ else organ)

    def _make_cuts(self) -> Section:
        """What is planned, and a way to plan more of it."""
        section = Section("What is planned")
        section.body.addWidget(self.entries)
        section.body.addWidget(self.alone)
        section.body.addWidget(self.form)
        section.body.addWidget(self.laying)
        return section

    def _make_editors(self) -> Section:
        section = Section("Shape it")
        for editor in self.editors.values():
            section.body.addWidget(editor)
        return section

    def _lay_out(self) -> None:
        body = QWidget()
        body.setObjectName("panelBody")
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for widget in (
            self.obstacle,
            self.bar,
            self.findings_section,
            self.cuts,
            self.figures,
            self.margins,
            self.shaping,
            self.map,
            self.needles,
            self.paths,
            self.zones,
            self.patient,
        ):
            column.addWidget(widget)
            column.addWidget(horizontal_line())
        column.addStretch(1)
        self.setWidget(body)

    def _go_to_finding(self, finding: Finding) -> None:
        self._desk.paths.go_to_finding(finding)
        if finding.where_mm is not None:
            self._desk.state.go_to(finding.where_mm)
        elif finding.structure:
            self._desk.state.select(finding.structure)


def _padded(label: QLabel) -> QLabel:
    label.setContentsMargins(12, 8, 12, 8)
    return label
