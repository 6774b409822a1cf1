"""JPEG frames decoded in processes of their own, so that a damaged frame cannot take the program with it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DeviceError, PixelError
from .jpeg_worker import ANSWER, READY, JpegFrame
from .pixel_layout import PixelLayout

FRAME_LIMIT_S = 5.0
"""A frame takes milliseconds; one that takes this long hangs its decoder."""
_START_LIMIT_S = 60.0
_CRASHED = "its compressed pixels are damaged: the decoder gave up on them"


class JpegDecoders:
    """As many worker processes as threads ask at once; they start when first needed and end with `close`."""

    def __init__(self) -> None:
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        self._all: list[_Worker] = []
        self._lock = threading.Lock()
        self._most = threading.Semaphore(os.cpu_count() or 1)

    def __enter__(self) -> JpegDecoders:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._all:
            worker.stop()

    def decode(self, data: bytes, layout: PixelLayout) -> NDArray[Any]:
        """One frame as stored values [j, i]; writable.

        Raises
        ------
        PixelError
            With the bare reason, if the frame is damaged.
        DeviceError
            If the decoder cannot be started.
        """
        bits = layout.bits_allocated, layout.bits_stored, layout.high_bit
        frame = JpegFrame(layout.syntax, layout.rows, layout.columns, *bits, layout.is_signed)
        with self._most:
            worker = self._take()
            try:
                pixels = worker.decode(data, frame)
            finally:
                if worker.is_alive:
                    self._idle.put(worker)
        kind = "i" if layout.is_signed else "u"
        flat = np.frombuffer(pixels, f"<{kind}{layout.bits_allocated // 8}")
        return flat.reshape(layout.rows, layout.columns)

    def _take(self) -> _Worker:
        try:
            return self._idle.get_nowait()
        except Empty:
            worker = _Worker()
            with self._lock:
                self._all.append(worker)
            return worker


class _Worker:
    """One process; gone for good after a frame that it could not survive."""

    def __init__(self) -> None:
        root = str(Path(__file__).resolve().parents[2])
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "surgtwin.dicom.jpeg_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        with _Deadline(self._process, _START_LIMIT_S):
            if self._output.readline() != READY:
                self.stop()
                raise DeviceError("The JPEG decoder cannot be started. Run the set-up again.")

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    @property
    def _input(self) -> IO[bytes]:
        if self._process.stdin is None:
            raise DeviceError("The JPEG decoder was started without a pipe.")
        return self._process.stdin

    @property
    def _output(self) -> IO[bytes]:
        if self._process.stdout is None:
            raise DeviceError("The JPEG decoder was started without a pipe.")
        return self._process.stdout

    def decode(self, data: bytes, frame: JpegFrame) -> bytearray:
        with _Deadline(self._process, FRAME_LIMIT_S):
            try:
                self._input.write(frame.packed(len(data)) + data)
                self._input.flush()
                head = self._output.read(ANSWER.size)
            except OSError as error:
                self.stop()
                raise PixelError(_CRASHED) from error
            worked, length = ANSWER.unpack(head) if len(head) == ANSWER.size else (False, 0)
            body = bytearray(self._output.read(length))
        if not body:
            self.stop()
            raise PixelError(_CRASHED)
        if not worked:
            raise PixelError(body.decode("utf-8", "replace"))
        return body

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._output.close()
        with suppress(OSError):  # what was still to be written to a process that is gone
            self._input.close()


class _Deadline:
    """Kills a process that has not answered in time; the pipe then ends, which its reader notices."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        self._timer = threading.Timer(seconds, process.kill)

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._timer.join()
