"""CT or MR: asked where neither the file nor its values tell."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QRadioButton, QWidget

from surgtwin.domain.volume import Modality, Volume

from .base import AskingDialog

CHOICES = ((Modality.CT, "CT: values in Hounsfield units"), (Modality.MR, "MR: values without a unit"))


class ModalityDialog(AskingDialog):
    """Nothing is chosen beforehand: a wrong guess would send the image to the wrong model."""

    stated = Signal(object)
    """The Modality that was chosen."""

    def __init__(self, volume: Volume, parent: QWidget | None = None) -> None:
        low, high = float(volume.values.min()), float(volume.values.max())
        sentence = (
            f"The file does not say how it was made, and its values, {low:g} to {high:g}, look like neither CT nor MR. "
            "The organs are searched for by the model of the kind you choose."
        )
        super().__init__("CT or MR?", sentence, "Find organs", parent)
        self.buttons = QButtonGroup(self)
        for n, (_, words) in enumerate(CHOICES):
            button = QRadioButton(words)
            self.buttons.addButton(button, n)
            self.body.addWidget(button)
        self.accept_button.setEnabled(False)
        self.cancel_button.setText("Only look at it")
        self.buttons.idClicked.connect(lambda _n: self.accept_button.setEnabled(True))
        self.accepted.connect(lambda: self.stated.emit(CHOICES[self.buttons.checkedId()][0]))
        self.setMinimumWidth(440)
