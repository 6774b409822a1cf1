"""The operated side: a person confirms it, and is told what speaks against it."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from surgtwin.domain.twin import Side, Twin

from ..panels.labels import set_role, text_label
from ..side_check import side_warning
from ..wording import SIDE_WORDS, patient_name
from .base import AskingDialog


class SideDialog(AskingDialog):
    """Names the patient and the side, and warns in plain words."""

    def __init__(self, twin: Twin, side: Side, parent: QWidget | None = None) -> None:
        word = SIDE_WORDS[side]
        stated = side is not Side.NOT_STATED
        whose = f" of {patient_name(twin.patient)}" if twin.patient.is_known else ""
        sentence = (
            f"The operated side{whose} is the patient's {word}."
            if side in (Side.RIGHT, Side.LEFT)
            else f"The operated side{whose}: {word}."
        )
        if not twin.patient.is_known:
            sentence += " These images do not say whose they are: make sure first."
        super().__init__("Operated side", sentence, f"Confirm {word}" if stated else "Withdraw the side", parent)
        self.warning_text = side_warning(twin, side)
        if self.warning_text:
            self.body.addWidget(text_label(f"\u26a0  {self.warning_text}", "unproven", wrap=True))
            self.accept_button.setText(f"Confirm {word} all the same")
        set_role(self.sentence, "")
        self.setMinimumWidth(420)
