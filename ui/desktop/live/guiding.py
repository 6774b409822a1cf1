"""The figures of a tool, worked out beside the main thread: always of the newest pose, one at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal

from surgtwin.domain.trajectory import Trajectory
from surgtwin.domain.twin import Twin
from surgtwin.errors import SurgTwinError
from surgtwin.live.freshness import Freshness
from surgtwin.live.guidance import Guidance, Guide, ToolPlace
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.progress import Progress

from ..planning.worker import LatestWorker
from .seen import ToolSeen

PREPARE, FIGURES = "prepare", "figures"
LEAST_S = 0.06
"""Figures that change more often can't be read."""


class Guiding(QObject):
    """Asks its guide off the main thread; an answer that is asked for while another is worked out waits for its end."""

    ready = Signal(object, float)
    """Guidance, and when its pose arrived."""
    failed = Signal(object)
    """A fault of the program."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._worker = LatestWorker(self)
        self._guide: Guide | None = None
        self._asked: tuple[Twin | None, Trajectory | None, float] = (None, None, 0.0)
        self._geometry: TwinGeometry | None = None
        self._is_asking = False
        self._last_s = 0.0
        self.problem = ""

    @property
    def way(self) -> Trajectory | None:
        """The way that the figures are of."""
        return self._asked[1]

    def prepare(self, twin: Twin | None, way: Trajectory | None, tracking_mm: float) -> None:
        """From now on of this twin and this way; its surfaces are made ready first."""
        if (twin, way, tracking_mm) == self._asked:
            return
        self._asked = (twin, way, tracking_mm)
        self._guide, self.problem, self._is_asking = None, "", False
        self._worker.drop(FIGURES)
        self._worker.drop(PREPARE)
        if twin is None:
            self._geometry = None
            return
        if self._geometry is None or self._geometry.twin is not twin:
            self._geometry = TwinGeometry(twin)
        geometry = self._geometry

        def work(progress: Progress, tell: Callable[[Any], None]) -> Guide:
            guide = Guide(geometry, way, tracking_mm)
            progress.check()
            x, y, z = (float(v) for v in twin.labels.grid.center())
            guide.at(ToolPlace((x, y, z), (0.0, 0.0, 1.0)), Freshness.LIVE, 0.0)
            return guide

        self._worker.ask(PREPARE, work, self._on_guide, self._on_error)

    def ask(self, place: ToolPlace, seen: ToolSeen) -> None:
        """Figures of a tool at a place, unless those of an earlier one are still worked out."""
        guide, now = self._guide, time.monotonic()
        if guide is None or self._is_asking or now - self._last_s < LEAST_S:
            return
        self._is_asking, self._last_s = True, now
        self._worker.ask(
            FIGURES,
            lambda *_: guide.at(place, seen.freshness, seen.age_s),
            lambda guidance: self._on_figures(guidance, seen.arrived_s),
            self._on_error,
        )

    def close(self) -> None:
        self._worker.close()

    def _on_guide(self, guide: Guide) -> None:
        self._guide = guide

    def _on_figures(self, guidance: Guidance, arrived_s: float) -> None:
        self._is_asking = False
        self.ready.emit(guidance, arrived_s)

    def _on_error(self, error: BaseException) -> None:
        self._is_asking, self._guide = False, None
        if not isinstance(error, SurgTwinError):
            self.failed.emit(error)
        self.problem = f"No figures can be given: {error}"
