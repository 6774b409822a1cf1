"""The twins that were open before, each with a small picture of its organs."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from surgtwin.domain.twin import Twin
from surgtwin.settings import RecentTwin, with_recent

from .kept_settings import KeptSettings

_log = logging.getLogger(__name__)
PICTURE_WIDTH_PX = 384


class RecentTwins:
    """Reads and writes the list; the pictures lie beside the settings and hold no text."""

    def __init__(self, kept: KeptSettings) -> None:
        self._kept = kept

    def entries(self) -> list[tuple[RecentTwin, Path | None]]:
        """Those that are still there, newest first, each with its picture if it has one."""
        found = []
        for entry in self._kept.now.recent:
            if Path(entry.path).exists():
                picture = self._kept.picture_path(entry.picture) if entry.picture else None
                found.append((entry, picture if picture is not None and picture.is_file() else None))
        return found

    def remember(self, path: Path, twin: Twin) -> None:
        """Put `path` first in the list."""
        entry = RecentTwin(str(path), f"{path.stem}  ·  {twin.primary.modality}", _picture_name(path))
        self._kept.change(recent=with_recent(self._kept.now, entry))

    def keep_picture(self, path: Path, scene: QWidget) -> None:
        """Keep what the 3D view shows as the picture of the twin at `path`."""
        target = self._kept.picture_path(_picture_name(path))
        small = scene.grab().scaledToWidth(PICTURE_WIDTH_PX, Qt.TransformationMode.SmoothTransformation)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError:
            _log.warning("The picture of a recent twin could not be written.")
            return
        if not small.isNull() and not small.save(str(target)):
            _log.warning("The picture of a recent twin could not be written.")


def _picture_name(path: Path) -> str:
    return hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16] + ".png"
