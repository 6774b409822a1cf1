"""A tool's tip from poses taken while it is swung about its resting tip."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, Signal

from surgtwin.errors import GeometryError
from surgtwin.live.tool_tip import ToolTip
from surgtwin.registration.pivot import PivotFit, fit_pivot

from .desk import LiveDesk
from .link import LiveLink
from .sampling import PoseSampler

LEAST_POSES = 100


class Pivoting(QObject):
    """Lives on the main thread; what it found is of the tool that was swung, even if another is followed by then."""

    changed = Signal()

    def __init__(self, desk: LiveDesk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._sampler = PoseSampler(desk, self)
        self._sampler.sampled.connect(self.changed)
        self._of: tuple[LiveLink | None, str] = (None, "")
        self.fit: PivotFit | None = None
        self.problem = ""

    @property
    def is_running(self) -> bool:
        return self._sampler.is_running

    @property
    def count(self) -> int:
        return len(self._sampler.poses)

    @property
    def tip(self) -> ToolTip | None:
        """The tip, and the shaft from it to the marker, which sits on the handle."""
        if self.fit is None:
            return None
        x, y, z = self.fit.tip_mm
        return ToolTip((x, y, z), (-x, -y, -z), self.fit.tip_error_mm)

    def start(self) -> None:
        """Take poses from now on."""
        self.fit, self.problem = None, ""
        self._of = (self._desk.link, self._desk.device)
        self._sampler.start()
        self.changed.emit()

    def stop(self) -> None:
        """Work the tip out of what was taken."""
        self._sampler.stop()
        try:
            self.fit = fit_pivot(np.array(self._sampler.poses).reshape(-1, 4, 4))
        except GeometryError as error:
            self.problem = str(error)
        self.changed.emit()

    def use(self) -> None:
        """From now on the tool ends at this tip."""
        link, device = self._of
        if link is not None and link in self._desk.links and self.tip is not None:
            self._desk.set_tip(link, device, self.tip)
