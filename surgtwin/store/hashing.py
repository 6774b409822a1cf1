"""sha256 of large data on a second thread, while the first reads or writes it."""

from __future__ import annotations

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

WORTH_A_THREAD = 16 * 2**20
"""Bytes from which the overlap gains more than the thread costs."""


class OverlappedHash:
    """A sha256 that is fed in order; hashlib lets other threads run meanwhile.

    Parameters
    ----------
    size
        How many bytes are expected; small data is hashed at once.
    """

    def __init__(self, size: int) -> None:
        self._digest = hashlib.sha256()
        self._pool = ThreadPoolExecutor(1, "blob-hash") if size >= WORTH_A_THREAD else None
        self._pending: Future[None] | None = None

    def __enter__(self) -> OverlappedHash:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True)

    def update(self, chunk: memoryview) -> None:
        """Hash a chunk, which must not change until the next call; at most one chunk is waiting."""
        if self._pool is None:
            self._digest.update(chunk)
            return
        self._wait()
        self._pending = self._pool.submit(self._digest.update, chunk)

    def hexdigest(self) -> str:
        self._wait()
        return self._digest.hexdigest()

    def _wait(self) -> None:
        if self._pending is not None:
            self._pending.result()
            self._pending = None
