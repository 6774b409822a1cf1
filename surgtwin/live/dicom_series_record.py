"""What became of a series in the inbox, kept beside its files as one small JSON file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from ..atomic_file import write_bytes_atomically
from ..store.durable import sync_folder


class SeriesState(StrEnum):
    """Where a series stands."""

    RECEIVING = "receiving"
    OFFERED = "offered"
    """Being taken into the twin; a kill in between leaves it so."""
    TAKEN_IN = "taken in"
    REFUSED = "refused"
    """It can't be taken in as it is; it is tried again when more of it arrives."""
    HELD = "held"


@dataclass(frozen=True)
class SeriesRecord:
    """One series of the inbox, as it was last written.

    Parameters
    ----------
    reasons
        Why it is held or was refused.
    instances
        How many there were when it was offered.
    revision, outcome
        Of the twin, and its state (proposed, accepted, rejected), if it was taken in.
    admitted_by
        Who let it out of quarantine; empty where the gate did.
    """

    series_uid: str = ""
    state: SeriesState = SeriesState.RECEIVING
    reasons: tuple[str, ...] = ()
    instances: int = 0
    revision: int | None = None
    outcome: str = ""
    admitted_by: str = ""
    modality: str = ""
    description: str = ""
    is_conflicting: bool = False


def read_record(folder: Path, name: str) -> SeriesRecord:
    """The record of the series `name` in a folder of series; an empty one where there is none, or a damaged one."""
    try:
        raw = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return SeriesRecord()
    try:
        return _from_json(raw)
    except (KeyError, TypeError, ValueError):
        return SeriesRecord()


def write_record(folder: Path, name: str, record: SeriesRecord) -> None:
    """Durable when it returns. Raises DiskError."""
    data = json.dumps(asdict(record), ensure_ascii=False, indent=1).encode("utf-8")
    write_bytes_atomically(folder / f"{name}.json", data)
    sync_folder(folder)


def _from_json(raw: Any) -> SeriesRecord:
    revision = raw["revision"]
    return SeriesRecord(
        str(raw["series_uid"]),
        SeriesState(raw["state"]),
        tuple(str(r) for r in raw["reasons"]),
        int(raw["instances"]),
        None if revision is None else int(revision),
        str(raw["outcome"]),
        str(raw["admitted_by"]),
        str(raw["modality"]),
        str(raw["description"]),
        bool(raw["is_conflicting"]),
    )
