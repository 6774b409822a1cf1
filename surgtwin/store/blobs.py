"""Content-addressed files: `blobs/ab/abcd...`, each named by the sha256 of its bytes, never changed once there."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MemoryLimitError, TwinCorruptError
from . import layout
from .arrays import CHUNK_BYTES, array_from_gzipped_npy, array_from_npy, gzipped_npy, npy_chunks
from .durable import remove_quietly, sync_folder, write_file
from .hashing import OverlappedHash

_IS_SHA256 = re.compile(r"[0-9a-f]{64}")
NPY, GZIPPED_NPY, BYTES = "npy", "npy.gz", "bytes"


@dataclass(frozen=True)
class BlobRef:
    """What an event says of a blob: its name, how it is coded, and its size in bytes."""

    sha256: str
    codec: str
    size: int

    def as_json(self) -> dict[str, Any]:
        return {"blob": self.sha256, "codec": self.codec, "bytes": self.size}

    @classmethod
    def from_json(cls, record: Any) -> BlobRef:
        """Raises TwinCorruptError if the record is not a reference to a blob."""
        try:
            ref = cls(str(record["blob"]), str(record["codec"]), int(record["bytes"]))
        except (KeyError, TypeError, ValueError) as error:
            raise TwinCorruptError(f"An event refers to a blob in a way that cannot be read: {record!r}.") from error
        if not _IS_SHA256.fullmatch(ref.sha256):
            raise TwinCorruptError(f"An event names a blob '{ref.sha256[:80]}', which is not a sha256.")
        return ref


class BlobStore:
    """The blobs of one twin.

    Parameters
    ----------
    twin
        The twin's folder.
    """

    def __init__(self, twin: Path) -> None:
        self._twin = twin
        self._unsynced: set[Path] = set()

    def put_array(self, array: NDArray[Any]) -> BlobRef:
        """Store an array as it is (images, meshes)."""
        return self._put(npy_chunks(array), array.nbytes, NPY)

    def put_labels(self, array: NDArray[Any]) -> BlobRef:
        """Store a label layer, compressed."""
        return self._put_packed(gzipped_npy(array), GZIPPED_NPY)

    def put_bytes(self, data: bytes) -> BlobRef:
        return self._put_packed(data, BYTES)

    def _put_packed(self, data: bytes, codec: str) -> BlobRef:
        return self._put(iter((memoryview(data),)), len(data), codec)

    def sync(self) -> None:
        """Make the names of all blobs put so far durable; to be called before the event that needs them."""
        for folder in sorted(self._unsynced):
            sync_folder(folder)
        self._unsynced.clear()

    def read_array(self, ref: BlobRef, what: str) -> NDArray[Any]:
        """The array of a blob, checked by its hash. `what` names it in errors, e.g. "the mesh of 'liver'"."""
        data = self._read(ref, what)
        name = f"Blob {ref.sha256} ({what})"
        if ref.codec == NPY:
            return array_from_npy(data, name)
        if ref.codec == GZIPPED_NPY:
            return array_from_gzipped_npy(data, name)
        raise TwinCorruptError(f"{name} is coded as '{ref.codec[:40]}', which is not known for arrays.")

    def read_bytes(self, ref: BlobRef, what: str) -> bytes:
        return self._read(ref, what).tobytes()

    def check(self, sha256: str, what: str) -> str:
        """What is wrong with a blob, or an empty string. Reads all of it, keeps nothing in memory."""
        path = layout.blob_path(self._twin, sha256)
        try:
            with path.open("rb", buffering=0) as file:
                found = _hash_of(iter(lambda: file.read(CHUNK_BYTES), b""))
        except FileNotFoundError:
            return f"Blob {sha256} ({what}) is missing."
        except OSError as error:
            return f"Blob {sha256} ({what}) cannot be read: {error.strerror}."
        return "" if found == sha256 else f"Blob {sha256} ({what}) is damaged: its contents have the hash {found}."

    def names(self) -> set[str]:
        """sha256 of every blob that is there."""
        return {path.name for path in self._files() if _IS_SHA256.fullmatch(path.name)}

    def strays(self, needed: set[str]) -> list[Path]:
        """Files that no event needs: left by a kill between a blob and its event."""
        return sorted(path for path in self._files() if path.name not in needed)

    def _files(self) -> Iterator[Path]:
        root = layout.blob_folder(self._twin)
        if root.is_dir():
            yield from (p for p in root.rglob("*") if p.is_file())

    def _put(self, chunks: Iterable[memoryview], expected_size: int, codec: str) -> BlobRef:
        """Write under a temporary name while hashing, then give it its name, unless it is there already."""
        incoming = layout.blob_folder(self._twin) / f"{layout.INCOMING}{secrets.token_hex(8)}"
        with OverlappedHash(expected_size) as digest:
            size = write_file(incoming, _fed_to(digest, chunks))
            sha256 = digest.hexdigest()
        try:
            self._name(incoming, layout.blob_path(self._twin, sha256))
        finally:
            remove_quietly(incoming)
        return BlobRef(sha256, codec, size)

    def _name(self, incoming: Path, path: Path) -> None:
        """A blob that is there stays as it is, unless it is damaged: then the good one takes its place."""
        if path.exists() and not self.check(path.name, ""):
            return
        path.parent.mkdir(exist_ok=True)
        incoming.replace(path)
        self._unsynced |= {path.parent, path.parent.parent}

    def _read(self, ref: BlobRef, what: str) -> NDArray[np.uint8]:
        path = layout.blob_path(self._twin, ref.sha256)
        try:
            with path.open("rb", buffering=0) as file:
                size = os.fstat(file.fileno()).st_size
                if size != ref.size:
                    raise TwinCorruptError(
                        f"Blob {ref.sha256} ({what}) has {size} bytes where {ref.size} belong. "
                        "Restore the twin from a copy."
                    )
                data, found = _read_and_hash(file, size, what)
        except FileNotFoundError as error:
            raise TwinCorruptError(f"Blob {ref.sha256} ({what}) is missing. Restore the twin from a copy.") from error
        if found != ref.sha256:
            raise TwinCorruptError(
                f"Blob {ref.sha256} ({what}) is damaged: its contents have another hash. Restore the twin from a copy."
            )
        return data


def _read_and_hash(file: Any, size: int, what: str) -> tuple[NDArray[np.uint8], str]:
    try:
        data = np.empty(size, np.uint8)
    except MemoryError as error:
        raise MemoryLimitError(f"{what} needs {size} bytes of memory, more than there is.") from error
    view, done = data.data, 0
    with OverlappedHash(size) as digest:
        while done < size:
            taken = file.readinto(view[done : done + CHUNK_BYTES])
            if not taken:
                break
            digest.update(view[done : done + taken])
            done += taken
        return data, digest.hexdigest()


def _fed_to(digest: OverlappedHash, chunks: Iterable[memoryview]) -> Iterator[memoryview]:
    for chunk in chunks:
        digest.update(chunk)
        yield chunk


def _hash_of(chunks: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()
