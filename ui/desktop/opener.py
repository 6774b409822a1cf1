"""From what a person dropped to what is on the screen: scan, choose, load, show, segment, mesh."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.twin import Twin
from surgtwin.domain.volume import Modality, Volume
from surgtwin.errors import NoSeriesError
from surgtwin.progress import Progress
from ui.phantom import write_phantom_series

from .jobs import JobRunner
from .kept_settings import KeptSettings
from .opened_twin import OpenedTwin, open_to_edit, open_to_read
from .segmenting import Segment
from .state import AppState

if TYPE_CHECKING:
    from surgtwin.pipeline.images import ImageChoice, ImageChoices

TWIN_SUFFIX = ".twin"


class Opener(QObject):
    """Runs the jobs of opening and building one after the other, and hands what they bring to the state."""

    choices_found = Signal(object)
    """ImageChoices of which a person has to pick one."""
    modality_needed = Signal(object)
    """Volume, on the screen, of which nobody knows whether it is CT or MR."""
    twin_opened = Signal(object)
    """OpenedTwin that is now on the screen."""
    twin_built = Signal()
    """A new twin is on the screen; it is not saved yet."""
    failed = Signal(object)

    def __init__(
        self, state: AppState, jobs: JobRunner, kept: KeptSettings, segment: Segment, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._state, self._jobs, self._kept, self._segment = state, jobs, kept, segment
        self._regularise = False
        self._phantom_folder: tempfile.TemporaryDirectory[str] | None = None

    def open_path(self, path: Path) -> None:
        """Anything a person can drop: a twin, a folder, a file, a zip."""
        from surgtwin.store.layout import is_twin

        if is_twin(path) or path.suffix == TWIN_SUFFIX:
            self.open_twin(path)
            return
        self._jobs.run("Looking for images", lambda progress: _find(path, progress), self._on_choices)

    def open_twin(self, path: Path) -> None:
        """The newest revision, to be changed if nobody else changes it."""
        self._release(path)
        actor = self._kept.reader()
        self._jobs.run(
            "Opening the twin",
            lambda progress: open_to_edit(path, actor, progress),
            self._show_twin,
            on_stale=_close,
        )

    def open_revision(self, path: Path, number: int) -> None:
        """An older revision, read-only."""
        self._jobs.run("Opening the revision", lambda progress: open_to_read(path, number, progress), self._show_twin)

    def build(self, choice: ImageChoice, regularise: bool = False) -> None:
        """Load the image, show it, then find its organs."""
        self._jobs.run(
            "Loading the images",
            lambda progress: _load(choice, regularise, progress),
            lambda volume: self._build_from(volume, regularise),
        )

    def open_phantom(self) -> None:
        """Make the phantom's series, and open it like any other."""
        self._phantom_folder = tempfile.TemporaryDirectory(prefix="surgtwin-phantom-", ignore_cleanup_errors=True)
        folder = Path(self._phantom_folder.name) / "dicom"
        self._jobs.run("Making the phantom", lambda progress: write_phantom_series(folder, progress), self.open_path)

    def close(self) -> None:
        """Leave nothing behind."""
        if self._phantom_folder is not None:
            self._phantom_folder.cleanup()
            self._phantom_folder = None

    def _release(self, path: Path) -> None:
        """Opening again the twin that is open must not find it locked by ourselves."""
        if self._state.path is not None and self._state.path.resolve() == path.resolve():
            self._state.close()

    def _on_choices(self, choices: ImageChoices) -> None:
        if not choices.choices:
            try:
                choices.pick()
            except NoSeriesError as error:
                self.failed.emit(error)
            return
        if len(choices.choices) == 1 and not choices.choices[0].refusal:
            self.build(choices.choices[0])
            return
        self.choices_found.emit(choices)

    def _show_twin(self, opened: OpenedTwin) -> None:
        self._state.open_twin(opened.twin, path=opened.path, writer=opened.writer)
        self._state.set_colours(self._kept.colours_of(opened.twin.case_id))
        self.twin_opened.emit(opened)

    def _build_from(self, volume: Volume, regularise: bool) -> None:
        self._state.show_volume(volume)
        self._regularise = regularise
        self.find_organs()

    def find_organs_as(self, volume: Volume, modality: Modality) -> None:
        """Go on with an image whose modality a person has stated."""
        if self._state.volume is volume:
            self._state.show_volume(with_stated_modality(volume, modality))
            self.find_organs()

    def find_organs(self) -> None:
        """Segment the image that is on the screen."""
        volume, segment, regularise = self._state.volume, self._segment, self._regularise
        if volume is None or self._state.twin is not None:
            return
        if volume.modality is Modality.OTHER and volume.source.kind != "dicom":
            self.modality_needed.emit(volume)
            return

        def work(progress: Progress) -> Twin:
            from surgtwin.pipeline.build_twin import BuildSettings, build_twin

            return build_twin(volume, segment, settings=BuildSettings(regularise=regularise), progress=progress)

        self._jobs.run("Finding organs", work, self._show_built, is_current=lambda: self._state.volume is volume)

    def _show_built(self, twin: Twin) -> None:
        self._state.open_twin(twin)
        self.twin_built.emit()


def with_stated_modality(volume: Volume, modality: Modality) -> Volume:
    """The image as what a person says it is; that it was said is kept as a finding."""
    said = Finding("modality-stated", Severity.INFO, f"The file does not state its modality; a person said {modality}.")
    others = tuple(f for f in volume.findings if f.code != "modality-inferred")
    return replace(volume, modality=modality, findings=(*others, said))


def _find(path: Path, progress: Progress) -> ImageChoices:
    from surgtwin.pipeline.images import find_images

    return find_images(path, progress.part(0.0, 1.0, "Looking for images"))


def _load(choice: ImageChoice, regularise: bool, progress: Progress) -> Volume:
    from surgtwin.pipeline.images import load_choice

    return load_choice(choice, regularise=regularise, progress=progress)


def _close(opened: OpenedTwin) -> None:
    opened.close()
