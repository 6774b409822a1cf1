"""Loaded models that stay in memory for the next image, within a limit, one job at a time."""

from __future__ import annotations

import gc
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from surgtwin.progress import Progress

from .infer import Engine, InferenceSettings
from .model_folder import DATASET, PLANS, ModelFolder, network_bytes

BUDGET_BYTES = 2 * 2**30
"""TotalSegmentator's five parts take 0.6 GB; five folds of a large residual encoder 2 GB."""
FREE_SHARE = 0.25
"""Of the memory that is free now: what models may take at most, whatever the budget."""
POLL_S = 0.1

Key = tuple[Path, tuple[tuple[int, int], ...], str, InferenceSettings]


@dataclass(frozen=True)
class LoadedModel:
    """An engine, the hash of what it was made from, and the memory of its weights."""

    engine: Engine
    sha256: str
    size_bytes: int


class EngineCache:
    """Engines by model and settings; the one that was not used for the longest time goes first.

    The newest engine is always kept, however large: one job needs it. A model whose files have changed is loaded again.

    Parameters
    ----------
    budget_bytes
        Memory for weights in all.
    """

    def __init__(self, budget_bytes: int = BUDGET_BYTES) -> None:
        self._budget = budget_bytes
        self._loaded: OrderedDict[Key, LoadedModel] = OrderedDict()
        self._turn = threading.Lock()

    @contextmanager
    def turn(self, progress: Progress) -> Iterator[None]:
        """Wait until no other job uses the engines. A waiting job can be cancelled.

        Two networks at once would be no faster, and need twice the memory.
        """
        while not self._turn.acquire(timeout=POLL_S):
            progress.check()
        try:
            yield
        finally:
            self._turn.release()

    def get(self, model: ModelFolder, settings: InferenceSettings) -> LoadedModel:
        """Return a model ready to run; call it within `turn`. Raises ModelError, DeviceError."""
        key = (model.path, _signature(model), model.orientation, settings)
        if key not in self._loaded:
            size = network_bytes(model)
            self._drop([k for k in self._loaded if k[0] == key[0] and k[1] != key[1]])
            self._make_room(size)
            self._loaded[key] = LoadedModel(Engine(model, settings), model.sha256(), size)
        self._loaded.move_to_end(key)
        return self._loaded[key]

    @property
    def size_bytes(self) -> int:
        """Memory of the weights that are loaded."""
        return sum(loaded.size_bytes for loaded in self._loaded.values())

    def __len__(self) -> int:
        return len(self._loaded)

    def _make_room(self, size: int) -> None:
        held = self.size_bytes
        limit = min(self._budget, FREE_SHARE * psutil.virtual_memory().available + held)
        doomed = []
        for key, loaded in self._loaded.items():
            if held + size <= limit:
                break
            held -= loaded.size_bytes
            doomed.append(key)
        self._drop(doomed)

    def _drop(self, keys: list[Key]) -> None:
        for key in keys:
            del self._loaded[key]
        if keys:
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()


def _signature(model: ModelFolder) -> tuple[tuple[int, int], ...]:
    """Size and time of every file of a model, of a cascade's first stage too."""
    files = [(f.stat().st_size, f.stat().st_mtime_ns) for f in (model.path / DATASET, model.path / PLANS, *model.folds)]
    return (*files, *(_signature(model.previous) if model.previous is not None else ()))
