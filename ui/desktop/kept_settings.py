"""The settings while the desktop runs: read once, written at every change."""

from __future__ import annotations

import getpass
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from surgtwin.domain.labels import Colour
from surgtwin.errors import DiskError
from surgtwin.settings import Settings, config_folder, load_settings, save_settings

_log = logging.getLogger(__name__)
DEFAULT_FOLDER_NAME = "surgtwin"


class KeptSettings(QObject):
    """Holds the settings and keeps them; a disk that refuses costs the settings, never the work."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = load_settings()

    @property
    def now(self) -> Settings:
        return self._settings

    def change(self, **values: Any) -> None:
        """Replace fields of `Settings` by name and write them."""
        changed = replace(self._settings, **values)
        if changed == self._settings:
            return
        self._settings = changed
        try:
            save_settings(changed)
        except DiskError:
            _log.warning("The settings could not be written.")
        self.changed.emit()

    def reader(self) -> str:
        """Who accepts structures: as set, else the name the computer knows."""
        if self._settings.reader:
            return self._settings.reader
        try:
            return getpass.getuser()
        except (OSError, KeyError):
            return ""

    def colours_of(self, case_id: str) -> dict[str, Colour]:
        """The colours a person chose for a case; damaged ones are left out."""
        chosen = {}
        for name, text in self._settings.colours.get(case_id, {}).items():
            value = text.lstrip("#")
            if len(value) == 6 and all(c in "0123456789abcdefABCDEF" for c in value):
                chosen[name] = (int(value[:2], 16), int(value[2:4], 16), int(value[4:], 16))
        return chosen

    def keep_colour(self, case_id: str, name: str, colour: Colour) -> None:
        text = "#{:02x}{:02x}{:02x}".format(*colour)
        case = {**self._settings.colours.get(case_id, {}), name: text}
        self.change(colours={**self._settings.colours, case_id: case})

    def picture_path(self, name: str) -> Path:
        return config_folder() / "pictures" / name


def default_twins_folder() -> Path:
    """A folder of the program in the person's documents."""
    import platformdirs

    return Path(platformdirs.user_documents_dir()) / DEFAULT_FOLDER_NAME
