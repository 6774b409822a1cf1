"""What a training says while it runs: ``log.jsonl``, listeners, and TensorBoard where it is installed."""

from __future__ import annotations

import importlib.util
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from surgtwin.errors import DiskError

LOG_NAME = "log.jsonl"
BOARD_FOLDER = "tensorboard"
NO_BOARD = "TensorBoard is not installed, so only log.jsonl is written; pip install 'surgtwin[train]' adds it."

Entry = dict[str, Any]
Listener = Callable[[Entry], None]


class TrainingLog:
    """Appends entries to ``log.jsonl``, tells listeners, and draws curves in TensorBoard where that is installed."""

    def __init__(self, output: Path, listener: Listener | None = None) -> None:
        self._path = output / LOG_NAME
        self._listener = listener
        self.has_board = importlib.util.find_spec("tensorboard") is not None
        self._board: Any = _open_board(output / BOARD_FOLDER) if self.has_board else None

    def write(self, iteration: int, spent: float, entry: Mapping[str, Any]) -> None:
        """Add one entry.

        Raises
        ------
        DiskError
            If the log cannot be written.
        """
        full = {"time": time.strftime("%H:%M:%S"), "iteration": iteration, "spent": round(spent, 4), **entry}
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(full) + "\n")
            self._draw(iteration, full)
        except OSError as error:
            raise DiskError(f"The training's log cannot be written: {error.strerror}. Check the free space.") from error
        if self._listener is not None:
            self._listener(full)

    def show(self, iteration: int, name: str, picture: npt.NDArray[np.uint8]) -> None:
        """Put a picture ``[rows, columns, 3]`` on the board."""
        if self._board is not None:
            self._board.add_image(name, picture, iteration, dataformats="HWC")

    def close(self) -> None:
        """Flush the board."""
        if self._board is not None:
            self._board.close()

    def _draw(self, iteration: int, entry: Mapping[str, Any]) -> None:
        if self._board is None:
            return
        for name in ("loss", "rate"):
            if name in entry:
                self._board.add_scalar(f"training/{name}", entry[name], iteration)
        for structure, value in entry.get("mean_dice", {}).items():
            self._board.add_scalar(f"validation Dice/{structure}", value, iteration)


def _open_board(folder: Path) -> Any:
    from torch.utils.tensorboard.writer import SummaryWriter

    return SummaryWriter(str(folder))
