"""How long work tells how far it is, and learns that it should stop."""

from __future__ import annotations

from collections.abc import Callable

from .errors import Cancelled

Report = Callable[[float, str], None]


class Progress:
    """A slice of a job's progress, from `start` to `end` of the whole.

    Parameters
    ----------
    report
        Called with the fraction of the whole job done (0..1) and the stage's name.
    is_cancelled
        Asked at every update; when it answers True, `Cancelled` is raised.
    """

    def __init__(
        self,
        report: Report | None = None,
        is_cancelled: Callable[[], bool] | None = None,
        *,
        start: float = 0.0,
        end: float = 1.0,
        stage: str = "",
    ) -> None:
        self._report = report
        self._is_cancelled = is_cancelled
        self._start = start
        self._end = end
        self._stage = stage

    def update(self, fraction: float, stage: str | None = None) -> None:
        """Say that `fraction` (0..1) of this part is done; raises `Cancelled` when asked to stop."""
        self.check()
        if self._report is not None:
            done = self._start + (self._end - self._start) * min(max(fraction, 0.0), 1.0)
            self._report(done, self._stage if stage is None else stage)

    def check(self) -> None:
        """Raise `Cancelled` when the person asked to stop; costs next to nothing."""
        if self._is_cancelled is not None and self._is_cancelled():
            raise Cancelled

    def part(self, start: float, end: float, stage: str | None = None) -> Progress:
        """Progress of a step that takes this part from `start` to `end` (fractions of this part)."""
        width = self._end - self._start
        return Progress(
            self._report,
            self._is_cancelled,
            start=self._start + width * start,
            end=self._start + width * end,
            stage=self._stage if stage is None else stage,
        )


SILENT = Progress()
