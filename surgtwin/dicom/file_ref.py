"""Where the bytes of a DICOM file are: on disk, or inside a zip that is never unpacked to disk."""

from __future__ import annotations

import io
import threading
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from ..errors import DicomError
from .inflate import InflatingReader

_DISCARD = 256 * 1024


@dataclass(frozen=True, slots=True)
class FileRef:
    """One file of an input.

    Parameters
    ----------
    path
        The file on disk; for a zip's member the zip.
    name
        For messages: relative to the input, printable, never leading out of it.
    size
        Bytes; for a zip's member what the zip claims.
    member
        Index in the zip's directory, or None.
    """

    path: Path
    name: str
    size: int
    member: int | None = None

    @property
    def shown_path(self) -> Path:
        """The path of the file; for a zip's member the path it would have inside the zip."""
        return self.path if self.member is None else self.path / self.name


def safe_name(name: str) -> str:
    """A member's or file's name without control characters, drive, root or steps upwards."""
    printable = "".join(c if c.isprintable() else "?" for c in name.replace("\\", "/"))
    parts = [p for p in PurePosixPath(printable).parts if p not in ("/", "..", ".") and not p.endswith(":")]
    return "/".join(parts)[-200:] or "?"


class Sources:
    """Opens the files of an input for reading; keeps a zip open until `close`. Usable from several threads."""

    def __init__(self) -> None:
        self._zips: dict[Path, zipfile.ZipFile] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Sources:
        return self

    def __exit__(self, *_: object) -> None:
        for archive in self._zips.values():
            archive.close()
        self._zips.clear()

    def zip_file(self, path: Path) -> zipfile.ZipFile:
        """The opened zip. Raises DicomError if it is none or is damaged."""
        with self._lock:
            if path not in self._zips:
                try:
                    self._zips[path] = zipfile.ZipFile(path)
                except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
                    raise DicomError(
                        f"The zip {path.name} cannot be read: {error}. Copy or export it again."
                    ) from error
            return self._zips[path]

    def open(self, ref: FileRef) -> BinaryIO:
        """The file's bytes from the start. Raises DicomError with the bare reason."""
        try:
            if ref.member is None:
                return cast(BinaryIO, ref.path.open("rb", buffering=0))
            archive = self.zip_file(ref.path)
            return cast(BinaryIO, _MemberReader(archive.open(archive.infolist()[ref.member])))
        except OSError as error:
            raise DicomError(f"it cannot be read ({error.strerror or type(error).__name__})") from error
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, IndexError) as error:
            raise DicomError(f"it cannot be taken out of the zip ({error})") from error
        except RuntimeError as error:
            # What zipfile raises for an encrypted member.
            raise DicomError("it is encrypted inside the zip") from error


class _MemberReader(io.RawIOBase):
    """A zip's member whose damage is told as DicomError."""

    def __init__(self, member: zipfile.ZipExtFile | object) -> None:
        self._member = cast(BinaryIO, member)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        target = memoryview(buffer).cast("B")
        try:
            part = self._member.read(len(target))
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise DicomError(f"it is damaged inside the zip ({error})") from error
        target[: len(part)] = part
        return len(part)

    def close(self) -> None:
        self._member.close()
        super().close()


def read_exactly(stream: BinaryIO, target: memoryview) -> int:
    """Fill `target` (bytes) from `stream`; how many bytes came before the stream ended."""
    done = 0
    while done < len(target):
        got = stream.readinto(target[done:])  # type: ignore[attr-defined]
        if not got:
            break
        done += got
    return done


def skip(stream: BinaryIO, size: int) -> bool:
    """Pass over `size` bytes of a stream that cannot seek; False if it ends before."""
    scrap = memoryview(bytearray(min(size, _DISCARD)))
    while size > 0:
        got = stream.readinto(scrap[: min(size, len(scrap))])  # type: ignore[attr-defined]
        if not got:
            return False
        size -= got
    return True


def inflating(stream: BinaryIO) -> BinaryIO:
    """`stream`, positioned at a deflated data set, as its inflated bytes."""
    return cast(BinaryIO, InflatingReader(stream))
