"""What the remnant's figures need to know about the patient."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QGridLayout

from surgtwin.domain.plan import HEIGHT_CM, WEIGHT_KG, Parenchyma, PatientFigures
from surgtwin.planning.edits import with_patient

from ..panels.labels import Section, text_label
from .book import PlanBook

TISSUES = (
    (Parenchyma.NORMAL, "Normal tissue"),
    (Parenchyma.CHEMOTHERAPY, "After long chemotherapy"),
    (Parenchyma.CIRRHOSIS, "Cirrhosis"),
)
NOT_KNOWN = "not known"


class PatientSection(Section):
    """Height, weight and the state of the liver's tissue; every change is an edit of the plan."""

    def __init__(self, book: PlanBook) -> None:
        super().__init__("Patient")
        self._book = book
        self.height_box = _figure("Height", " cm", HEIGHT_CM[1])
        self.weight_box = _figure("Weight", " kg", WEIGHT_KG[1])
        self.tissue = QComboBox()
        self.tissue.setAccessibleName("State of the tissue")
        self.tissue.setToolTip("Decides how much of a liver must remain")
        for state, words in TISSUES:
            self.tissue.addItem(words, state)
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        for n, (words, widget) in enumerate((("Height", self.height_box), ("Weight", self.weight_box))):
            grid.addWidget(text_label(words, "quiet"), n, 0)
            grid.addWidget(widget, n, 1)
        grid.addWidget(text_label("Liver", "quiet"), 2, 0)
        grid.addWidget(self.tissue, 2, 1)
        grid.setColumnStretch(1, 1)
        self.body.addLayout(grid)
        self.height_box.valueChanged.connect(self._set_height)
        self.weight_box.valueChanged.connect(self._set_weight)
        self.tissue.activated.connect(lambda n: self._set(replace(self._now, parenchyma=TISSUES[n][0]), "Tissue"))
        book.plan_changed.connect(self.refresh)
        self.refresh()

    @property
    def _now(self) -> PatientFigures:
        return self._book.plan.patient

    def refresh(self) -> None:
        now = self._now
        for box, value in ((self.height_box, now.height_cm), (self.weight_box, now.weight_kg)):
            box.blockSignals(True)
            box.setValue(value if value is not None else box.minimum())
            box.blockSignals(False)
        self.tissue.setCurrentIndex(self.tissue.findData(now.parenchyma))

    def _set_height(self, value: float) -> None:
        self._set(replace(self._now, height_cm=_known(value, HEIGHT_CM[0])), "Height")

    def _set_weight(self, value: float) -> None:
        self._set(replace(self._now, weight_kg=_known(value, WEIGHT_KG[0])), "Weight")

    def _set(self, patient: PatientFigures, words: str) -> None:
        self._book.apply(with_patient(self._book.plan, patient), f"{words} of the patient", merge=True)


def _figure(name: str, unit: str, most: float) -> QDoubleSpinBox:
    """A number that may be unknown: its lowest value stands for that."""
    box = QDoubleSpinBox()
    box.setDecimals(0)
    box.setRange(0.0, most)
    box.setSpecialValueText(NOT_KNOWN)
    box.setSuffix(unit)
    box.setKeyboardTracking(False)
    box.setAccessibleName(name)
    return box


def _known(value: float, least: float) -> float | None:
    """What was typed, or None for nothing; a slip of the pen becomes the least that is plausible."""
    return max(value, least) if value > 0 else None
