"""The twins that were open before, each with a small picture of its organs."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, Qt
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

    def remember(self, path: Path, twin: Twin, picture: Callable[[], bytes]) -> None:
        """Put `path` first in the list."""
        name = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16] + ".png"
        kept = self._write(name, picture())
        entry = RecentTwin(str(path), f"{path.stem}  ·  {twin.primary.modality}", name if kept else "")
        self._kept.change(recent=with_recent(self._kept.now, entry))

    def picture_of(self, scene: QWidget) -> bytes:
        """The 3D view as a small PNG; empty if it has not been drawn."""
        shot = scene.grab()
        if shot.isNull():
            return b""
        data = QByteArray()
        buffer = QBuffer(data)
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        shot.scaledToWidth(PICTURE_WIDTH_PX, Qt.TransformationMode.SmoothTransformation).save(buffer, "PNG")
        return bytes(data.data())

    def _write(self, name: str, png: bytes) -> bool:
        if not png:
            return False
        path = self._kept.picture_path(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png)
        except OSError:
            _log.warning("The picture of a recent twin could not be written.")
            return False
        return True
