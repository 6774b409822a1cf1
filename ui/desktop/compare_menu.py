"""What can stand beside the open image: the twin's other images, and its other revisions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtWidgets import QMenu

from surgtwin.domain.twin import Revision

from .jobs import JobRunner
from .opened_twin import OpenedTwin, open_to_read
from .state import AppState, Comparison
from .wording import clock_time

NOTHING = "Nothing to compare with: this twin has one series and one revision"


class Comparer:
    """Fills the menu when it opens, and puts the choice beside the image."""

    def __init__(self, state: AppState, jobs: JobRunner, revisions: Callable[[], Sequence[Revision]]) -> None:
        self._state, self._jobs, self._revisions = state, jobs, revisions

    def fill(self, menu: QMenu) -> None:
        """One entry per other image and per other revision."""
        menu.clear()
        twin, shown = self._state.twin, self._state.image
        if twin is None or shown is None:
            return
        for image in twin.images:
            if image.image_id != shown.image_id:
                words = image.volume.source.description or image.role
                menu.addAction(f"{words} ({image.volume.modality})", partial(self.with_image, image.image_id))
        for revision in self._revisions():
            if revision.number != twin.revision.number and self._state.path is not None:
                words = f"Revision {revision.number}, {clock_time(revision.created_utc)}: {revision.cause}"
                menu.addAction(words, partial(self.with_revision, revision.number)).setEnabled(not self._state.busy)
        if menu.isEmpty():
            menu.addAction(NOTHING).setEnabled(False)

    def with_image(self, image_id: str) -> None:
        """Another image of the same twin beside the one shown."""
        twin = self._state.twin
        if twin is not None:
            image = twin.image(image_id)
            self._state.set_comparison(Comparison(image.volume.source.description or image.role, image, twin))

    def with_revision(self, number: int) -> None:
        """The same image in another revision, loaded beside the open one."""
        path, twin = self._state.path, self._state.twin
        if path is None or twin is None:
            return
        self._jobs.run(
            "Opening the revision",
            lambda progress: open_to_read(path, number, progress),
            self._show,
            is_current=lambda: self._state.twin is twin,
        )

    def _show(self, opened: OpenedTwin) -> None:
        shown = self._state.image
        other = opened.twin
        wanted = shown.image_id if shown is not None else ""
        image = next((i for i in other.images if i.image_id == wanted), other.images[0])
        self._state.set_comparison(Comparison(f"Revision {other.revision.number}", image, other))
