"""Pairs of a place in the image and where the tool touched it, and the registration that they make."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QObject, Signal

from surgtwin.domain.geometry import FloatArray, Point3
from surgtwin.errors import GeometryError, SourceError
from surgtwin.live.tool_tip import TrackerToImage
from surgtwin.registration.landmarks import FEWEST_POINTS, PairedPointFit, fit_points

from .desk import LiveDesk
from .link import LiveLink
from .sampling import STILL_POSES, PoseSampler, still_tip

GOOD_TRE_MM = 3.0
"""A target that is known worse than that is told in amber."""


@dataclass(frozen=True)
class Pair:
    """A landmark in the image (LPS mm) and the tip that touched it, in the reference's or the tracker's frame."""

    image_mm: Point3
    touched_mm: Point3


class Registering(QObject):
    """Lives on the main thread. The pairs are of one source, one reference and one patient; another one clears them."""

    changed = Signal()
    problem_found = Signal(str)

    def __init__(self, desk: LiveDesk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._sampler = PoseSampler(desk, self)
        self._sampler.sampled.connect(self._on_sample)
        self._landmark: Point3 = (0.0, 0.0, 0.0)
        self._of: tuple[LiveLink | None, str, str] = (None, "", "")
        self.pairs: tuple[Pair, ...] = ()
        self.fit: PairedPointFit | None = None
        self.problem = ""
        desk.links_changed.connect(self._check_whose)

    @property
    def is_taking(self) -> bool:
        return self._sampler.is_running

    @property
    def taken_share(self) -> float:
        """How far the taking of a point is, 0 to 1."""
        return min(1.0, len(self._sampler.poses) / STILL_POSES)

    def take(self) -> None:
        """The tool touches what lies under the cross-hair: its tip is taken while it is held still."""
        self._check_whose()
        if self._desk.link is not None and not self.is_taking:
            self._landmark = self._desk.state.cursor_mm
            self._sampler.start()
            self.changed.emit()

    def stop(self) -> None:
        """Take no point after all."""
        self._sampler.stop()
        self.changed.emit()

    def remove(self, n: int) -> None:
        self._set(tuple(p for m, p in enumerate(self.pairs) if m != n))

    def clear(self) -> None:
        self._set(())

    def error_at(self, target_mm: Point3) -> float | None:
        """Predicted error at a place of the image, mm; None while there is no fit."""
        return None if self.fit is None else float(self.fit.tre_mm(np.asarray(target_mm)))

    def result(self, target_mm: Point3) -> TrackerToImage | None:
        """The registration with its predicted error at a target."""
        error_mm = self.error_at(target_mm)
        return None if self.fit is None or error_mm is None else TrackerToImage(self.fit.transform, error_mm)

    def _on_sample(self) -> None:
        link = self._desk.link
        if len(self._sampler.poses) < STILL_POSES or link is None:
            self.changed.emit()
            return
        poses = self._sampler.poses
        self._sampler.stop()
        try:
            touched = still_tip(poses, link, self._desk.device)
        except SourceError as error:
            self.problem_found.emit(str(error))
            self.changed.emit()
            return
        self._set((*self.pairs, Pair(self._landmark, _point(touched))))

    def _set(self, pairs: tuple[Pair, ...]) -> None:
        self.pairs, self.fit, self.problem = pairs, None, ""
        if len(pairs) >= FEWEST_POINTS:
            try:
                self.fit = fit_points([p.touched_mm for p in pairs], [p.image_mm for p in pairs])
            except GeometryError as error:
                self.problem = str(error)
        self.changed.emit()

    def _check_whose(self) -> None:
        link = self._desk.link
        reference = link.calibration.reference if link is not None else ""
        now = (link, reference, self._desk.case_id)
        if now != self._of:
            self._of = now
            self._sampler.stop()
            self._set(())


def _point(values: FloatArray) -> Point3:
    x, y, z = (float(v) for v in values)
    return (x, y, z)


def target_of(desk: LiveDesk) -> tuple[Point3, str]:
    """Where the error counts: the planned target, else the cross-hair; and what to call it."""
    way = desk.way
    return (way.target_mm, f"the target of {way.name}") if way is not None else (desk.state.cursor_mm, "the cross-hair")
