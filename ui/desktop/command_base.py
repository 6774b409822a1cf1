"""What all commands share: where dialogs begin, work that waits its turn, and files that are asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QPushButton

from surgtwin.progress import Progress

from .jobs import JobRunner
from .kept_settings import KeptSettings
from .opener import Opener
from .saver import Saver
from .state import AppState

if TYPE_CHECKING:
    from .main_window import MainWindow

IMAGE_FILTER = "Images (*.dcm *.zip *.nii *.nii.gz *.nrrd *.nhdr *.mha *.mhd DICOMDIR);;All files (*)"


class CommandBase(QObject):
    """Holds what commands act on. Dialogs never wait."""

    def __init__(
        self, state: AppState, jobs: JobRunner, kept: KeptSettings, opener: Opener, saver: Saver, window: MainWindow
    ) -> None:
        super().__init__(window)
        self.state, self._jobs, self._kept = state, jobs, kept
        self._opener, self._saver, self._window = opener, saver, window

    def start_folder(self) -> str:
        """Where a file dialog begins: beside the open twin, else where twins go, or the nearest folder there is."""
        wanted = self.state.path.parent if self.state.path is not None else self._saver.folder()
        return str(next((f for f in (wanted, *wanted.parents) if f.is_dir()), Path.home()))

    def _colours(self) -> dict[str, tuple[int, int, int]]:
        return {name: self.state.colour(name) for name in self.state.structure_names()}

    def _run(self, title: str, work: Callable[[Progress], int], done: str) -> None:
        self._when_free(
            title[:1].lower() + title[1:],
            lambda: self._jobs.run(title, work, lambda _count: self._window.timeline.say(done)),
        )

    def _when_free(self, doing: str, act: Callable[[], object]) -> None:
        """Do it now, or offer to stop what runs first."""
        if not self._jobs.is_running:
            act()
            return
        self._window.notice.tell(
            f"Something is still being computed. Stop it to {doing}?",
            make_button("Stop it", self._window.put_away(act)),
        )

    def _ask_file(self, dialog: QFileDialog, then: Callable[[Path], object]) -> None:
        dialog.fileSelected.connect(lambda path: then(Path(path)))
        dialog.finished.connect(lambda _code: dialog.deleteLater())
        dialog.open()


def make_button(text: str, slot: Callable[[], object], *, primary: bool = False) -> QPushButton:
    """A button of a notice."""
    button = QPushButton(text)
    button.setProperty("role", "primary" if primary else "")
    button.clicked.connect(lambda _checked=False: slot())
    return button
