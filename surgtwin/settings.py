"""What a person set and wants to find again: one small JSON file in the user's configuration folder."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from .errors import DiskError

FILE_NAME = "settings.json"
FOLDER_VARIABLE = "SURGTWIN_CONFIG"
"""Environment variable that names another configuration folder (tests, portable installations)."""
MAX_RECENT = 12
MAX_LIVE_SOURCES = 8
MIN_SCALE_PERCENT, MAX_SCALE_PERCENT = 75, 300


class MouseProfile(StrEnum):
    """Which button does what on a slice: habits differ."""

    PACS = "pacs"
    """Left window/level, middle pan, right zoom."""
    SLICER = "slicer"
    """Left selects and moves, middle pan, right zoom."""


@dataclass(frozen=True)
class RecentTwin:
    """One entry of the list on the opening screen; the case id is a pseudonym, the picture shows no name."""

    path: str
    title: str = ""
    picture: str = ""
    """File name of a PNG in the configuration folder, or empty."""


@dataclass(frozen=True)
class Settings:
    """Everything that is kept.

    Parameters
    ----------
    scale_percent
        Size of the whole desktop; takes effect at the next start.
    twins_folder
        Where new twins are written; empty until the person has chosen.
    reader
        Who accepts structures: shown beside what was accepted.
    colours
        Case id -> structure name -> "#rrggbb" that the person chose.
    live_sources
        Trackers and scanners that were connected, as "host:port", the last one first.
    """

    mouse_profile: MouseProfile = MouseProfile.PACS
    scale_percent: int = 100
    twins_folder: str = ""
    reader: str = ""
    model_ct: str = ""
    model_mr: str = ""
    device: str = "auto"
    label_opacity: float = 0.4
    window_geometry: str = ""
    recent: tuple[RecentTwin, ...] = ()
    colours: dict[str, dict[str, str]] = field(default_factory=dict)
    live_sources: tuple[str, ...] = ()


def config_folder() -> Path:
    """Where the settings lie on this system; not created by asking."""
    override = os.environ.get(FOLDER_VARIABLE)
    if override:
        return Path(override)
    import platformdirs

    return Path(platformdirs.user_config_dir("surgtwin", appauthor=False))


def load_settings(folder: Path | None = None) -> Settings:
    """The settings kept in `folder`; what is missing or damaged has its default."""
    path = (folder or config_folder()) / FILE_NAME
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Settings()
    return _from_json(raw) if isinstance(raw, dict) else Settings()


def save_settings(settings: Settings, folder: Path | None = None) -> None:
    """Write the settings at once or not at all. Raises DiskError."""
    target = folder or config_folder()
    try:
        target.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target, prefix=FILE_NAME, suffix=".part")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(asdict(settings), file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target / FILE_NAME)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise DiskError(f"The settings could not be written: {error.strerror or 'unknown reason'}.") from error


def with_recent(settings: Settings, entry: RecentTwin) -> tuple[RecentTwin, ...]:
    """The recent list with `entry` first, each path once, cut to its length."""
    others = tuple(r for r in settings.recent if r.path != entry.path)
    return (entry, *others)[:MAX_RECENT]


def with_live_source(settings: Settings, address: str) -> tuple[str, ...]:
    """The list of live sources with `address` first, each once, cut to its length."""
    return (address, *(a for a in settings.live_sources if a != address))[:MAX_LIVE_SOURCES]


def _from_json(raw: dict[str, Any]) -> Settings:
    """Field by field: a value that does not fit leaves its default and harms no other."""
    readers = {
        "mouse_profile": _mouse_profile,
        "scale_percent": lambda v: min(max(int(v), MIN_SCALE_PERCENT), MAX_SCALE_PERCENT),
        "label_opacity": lambda v: min(max(float(v), 0.0), 1.0),
        "recent": _recent,
        "colours": _colours,
        "live_sources": _addresses,
    }
    values: dict[str, Any] = {}
    for name in (f.name for f in fields(Settings)):
        if name not in raw:
            continue
        try:
            values[name] = readers.get(name, _text)(raw[name])
        except (TypeError, ValueError, OverflowError):
            continue
    return Settings(**values)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _mouse_profile(value: Any) -> MouseProfile:
    return MouseProfile(value)


def _recent(value: Any) -> tuple[RecentTwin, ...]:
    rows = [r for r in value if isinstance(r, dict) and isinstance(r.get("path"), str) and r["path"]]
    return tuple(RecentTwin(r["path"], str(r.get("title", "")), Path(str(r.get("picture", ""))).name) for r in rows)[
        :MAX_RECENT
    ]


def _addresses(value: Any) -> tuple[str, ...]:
    return tuple(text for text in value if isinstance(text, str) and text)[:MAX_LIVE_SOURCES]


def _colours(value: Any) -> dict[str, dict[str, str]]:
    return (
        {
            str(case): {str(name): str(colour) for name, colour in chosen.items()}
            for case, chosen in value.items()
            if isinstance(chosen, dict)
        }
        if isinstance(value, dict)
        else {}
    )
