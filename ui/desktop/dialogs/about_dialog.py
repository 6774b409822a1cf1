"""What this program is, which versions it runs on, and what it is not."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from surgtwin.version import VERSION

from ..panels.labels import text_label
from .base import AskingDialog

PURPOSE = "A 3D twin of a patient's organs, for planning before and during an operation."
DISCLAIMER = "Research use only. Not a medical device."
LIBRARIES = (("PySide6_Essentials", "Qt for Python"), ("vtk", "VTK"), ("torch", "PyTorch"), ("pydicom", "pydicom"))


class AboutDialog(AskingDialog):
    """Text that can be selected, so that it can be sent to someone."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("surgtwin", PURPOSE, "", parent)
        self.body.addWidget(text_label(DISCLAIMER, "unproven"))
        self.versions = text_label(version_text())
        self.versions.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.body.addWidget(self.versions)
        self.setMinimumWidth(400)


def version_text() -> str:
    lines = [f"surgtwin {VERSION}"]
    for package, name in LIBRARIES:
        try:
            lines.append(f"{name} {version(package)}")
        except PackageNotFoundError:
            lines.append(f"{name}: not installed")
    return "\n".join((*lines, f"Python {platform.python_version()} on {platform.system()} {platform.release()}"))
