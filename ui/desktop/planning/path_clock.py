"""The moment of a tool path that is on the screen: set by hand, or running."""

from __future__ import annotations

from PySide6.QtCore import QElapsedTimer, QObject, QTimer, Signal

FRAME_MS = 40
SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0)


class PathClock(QObject):
    """Lives on the main thread; knows nothing of paths but when the one that is shown begins and ends."""

    changed = Signal()
    """Another moment."""
    playing_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.speed = 1.0
        self._time, self._start, self._end = 0.0, 0.0, 0.0
        self._since = QElapsedTimer()
        self._from = 0.0
        self._beat = QTimer(self, interval=FRAME_MS)
        self._beat.timeout.connect(self._on_beat)

    @property
    def time_s(self) -> float:
        return self._time

    @property
    def start_s(self) -> float:
        return self._start

    @property
    def end_s(self) -> float:
        return self._end

    @property
    def is_playing(self) -> bool:
        return self._beat.isActive()

    def set_span(self, start_s: float, end_s: float) -> None:
        """The path has other times; the moment stays where it can."""
        self._start, self._end = start_s, max(start_s, end_s)
        if start_s == end_s:
            self.pause()
        self._put(self._time)

    def set_time(self, time_s: float) -> None:
        """Look at a moment; what runs goes on from there."""
        self._begin(time_s)
        self._put(time_s)

    def toggle(self) -> None:
        """Run or rest; at the end it begins anew."""
        if self.is_playing:
            self.pause()
        elif self._end > self._start:
            if self._time >= self._end:
                self._put(self._start)
            self._begin(self._time)
            self._beat.start()
            self.playing_changed.emit()

    def pause(self) -> None:
        if self.is_playing:
            self._beat.stop()
            self.playing_changed.emit()

    def set_speed(self, speed: float) -> None:
        """Seconds of the path in a second."""
        self.speed = speed
        self._begin(self._time)

    def _begin(self, time_s: float) -> None:
        self._from = time_s
        self._since.start()

    def _on_beat(self) -> None:
        time = self._from + self.speed * self._since.elapsed() / 1000.0
        if time >= self._end:
            self.pause()
        self._put(time)

    def _put(self, time_s: float) -> None:
        time = min(max(time_s, self._start), self._end)
        if time != self._time:
            self._time = time
            self.changed.emit()
