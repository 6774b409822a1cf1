"""Keeping a new twin: where to, asked once; whatever changes while it is written is written too."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from surgtwin.domain.twin import Twin
from surgtwin.progress import Progress

from .jobs import JobRunner
from .kept_settings import KeptSettings, default_twins_folder
from .opened_twin import OpenedTwin, open_to_edit
from .opener import TWIN_SUFFIX
from .state import AppState


class Saver(QObject):
    """Writes the open twin to a new folder, and from then on every change at once."""

    place_needed = Signal()
    """A twin waits to be saved, and the person has not said where twins go."""
    saved = Signal(object)
    """OpenedTwin of what was written."""

    def __init__(self, state: AppState, jobs: JobRunner, kept: KeptSettings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state, self._jobs, self._kept = state, jobs, kept

    def folder(self) -> Path:
        """Where new twins go, chosen or proposed."""
        chosen = self._kept.now.twins_folder
        return Path(chosen) if chosen else default_twins_folder()

    def save_new(self) -> None:
        """Save a twin that was just built, or ask where twins go."""
        if self._kept.now.twins_folder:
            self.save_in(self.folder())
        else:
            self.place_needed.emit()

    def choose_folder(self, folder: Path) -> None:
        """The person's answer: new twins go there from now on."""
        self._kept.change(twins_folder=str(folder))
        self.save_in(folder)

    def save_in(self, folder: Path) -> None:
        twin = self._state.twin
        if twin is not None:
            self.save_as(_free_name(folder, twin.case_id))

    def save_as(self, path: Path, *, overwrite: bool = False) -> None:
        """Write the twin to `path`, with all its history if it has been saved before."""
        twin = self._state.twin
        if twin is None:
            return
        target = path if path.suffix == TWIN_SUFFIX else path.with_name(path.name + TWIN_SUFFIX)
        actor, source = self._kept.reader(), self._state.path

        def work(progress: Progress) -> OpenedTwin:
            if source is None:
                return _save(twin, target, overwrite, actor, progress)
            return _copy(source, target, overwrite, actor, progress)

        self._jobs.run(
            "Saving the twin",
            work,
            lambda opened: self._on_saved(twin, opened),
            is_current=lambda: self._state.twin is not None and self._state.twin.case_id == twin.case_id,
            on_stale=OpenedTwin.close,
        )

    def _on_saved(self, written: Twin, opened: OpenedTwin) -> None:
        if self._state.twin is not written:
            opened.close()
            self.save_as(opened.path, overwrite=True)
            return
        if self._state.read_only:
            self._state.open_twin(opened.twin, path=opened.path, writer=opened.writer)
        else:
            self._state.set_saved(opened.path, opened.writer)
        self.saved.emit(opened)


def _save(twin: Twin, target: Path, overwrite: bool, actor: str, progress: Progress) -> OpenedTwin:
    from surgtwin.store.save import save_twin

    save_twin(twin, target, overwrite=overwrite, progress=progress.part(0.0, 0.9, "Saving the twin"))
    return open_to_edit(target, actor, progress.part(0.9, 1.0))


def _copy(source: Path, target: Path, overwrite: bool, actor: str, progress: Progress) -> OpenedTwin:
    from surgtwin.store.copy import copy_twin

    copy_twin(source, target, overwrite=overwrite, progress=progress.part(0.0, 0.9, "Copying the twin"))
    return open_to_edit(target, actor, progress.part(0.9, 1.0))


def _free_name(folder: Path, stem: str) -> Path:
    """A name in `folder` that nothing has yet."""
    names = (f"{stem}{TWIN_SUFFIX}", *(f"{stem}-{n}{TWIN_SUFFIX}" for n in range(2, 1000)))
    return next(folder / name for name in names if not (folder / name).exists())
