"""Where things lie in a twin's folder.

    NAME.twin/
      twin.sqlite       the event log
      blobs/ab/abcd...  arrays and DICOM headers, each named by the sha256 of its bytes
      writer.lock       locked by the one program that writes; holds who that is
      backups/          the log as it was before a migration

The names hold nothing of the patient.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from ..errors import TwinCorruptError, TwinError

APPLICATION_ID = 0x5457494E
"""'TWIN' in ASCII: SQLite's application_id of a twin's log."""
DATABASE = "twin.sqlite"
BLOBS = "blobs"
LOCK = "writer.lock"
BACKUPS = "backups"
INCOMING = "incoming-"
"""Start of the names of blobs that are still being written."""

_SQLITE_MAGIC = b"SQLite format 3\x00"
_HEADER_BYTES = 100


@dataclass(frozen=True)
class Schema:
    """Version of the format: a new minor adds event kinds or fields, a new major changes what is there."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


CURRENT_SCHEMA = Schema(1, 3)


def database(twin: Path) -> Path:
    return twin / DATABASE


def wal(twin: Path) -> Path:
    """SQLite's write-ahead log; there only while a program writes, or after one was killed."""
    return twin / f"{DATABASE}-wal"


def rollback_journal(twin: Path) -> Path:
    """SQLite's rollback journal; left by a kill while the database entered or left WAL mode."""
    return twin / f"{DATABASE}-journal"


def blob_folder(twin: Path) -> Path:
    return twin / BLOBS


def blob_path(twin: Path, sha256: str) -> Path:
    return twin / BLOBS / sha256[:2] / sha256


def lock_file(twin: Path) -> Path:
    return twin / LOCK


def new_sibling(twin: Path, purpose: str) -> Path:
    """A new name beside the twin: "tmp" while it is built, "old" while it is replaced."""
    return twin.with_name(f"{twin.name}.{purpose}-{secrets.token_hex(8)}")


def siblings(twin: Path, purpose: str) -> list[Path]:
    """Folders that an interrupted save left beside the twin."""
    start = f"{twin.name}.{purpose}-"
    if not twin.parent.is_dir():
        return []
    return sorted(p for p in twin.parent.iterdir() if p.name.startswith(start) and p.is_dir() and not p.is_symlink())


def read_header(twin: Path) -> bytes:
    """The first bytes of the database file, or fewer if it is shorter or absent."""
    try:
        with database(twin).open("rb") as file:
            return file.read(_HEADER_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return b""


def is_wal_header(header: bytes) -> bool:
    """True if the database file says that it is in WAL mode (SQLite file format, offset 18)."""
    return len(header) > 18 and header[18] == 2


def is_twin(path: Path) -> bool:
    """True if the folder holds the log of a twin (of any schema). Opens nothing else, writes nothing."""
    header = read_header(Path(path))
    if len(header) < _HEADER_BYTES or not header.startswith(_SQLITE_MAGIC):
        return False
    return int.from_bytes(header[68:72], "big") == APPLICATION_ID


def require_twin(path: Path) -> None:
    """Raise TwinError if there is no twin at `path`, TwinCorruptError if its log does not begin like one."""
    if is_twin(path):
        return
    if not path.exists():
        raise TwinError(f"There is no twin at '{path}'.")
    if database(path).exists():
        raise TwinCorruptError(
            f"'{path}' holds a {DATABASE} whose first bytes are not those of a twin's log. Restore it from a copy."
        )
    raise TwinError(f"'{path}' is not a twin: it holds no {DATABASE}.")
