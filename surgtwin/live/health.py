"""How well a live source does: rate, latency, jitter, what was refused and why."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass

import numpy as np

WINDOW_S = 5.0
SILENT_S = 1.0


@dataclass(frozen=True)
class Health:
    """Figures of the last seconds, and counts since the source was opened.

    Parameters
    ----------
    rate_hz, jitter_ms
        Messages a second of the device that sends most, 0 if the last one is older than a second; standard deviation
        of the time between them.
    clock_offset_s
        How far the sender's clock is ahead of this computer's, less the shortest way; None if it gives none.
    latency_ms
        Median time on the way beyond the shortest seen; None without the sender's clock.
    refused
        Why messages were not taken -> how many.
    """

    rate_hz: float
    jitter_ms: float
    latency_ms: float | None
    clock_offset_s: float | None
    received: int
    refused: dict[str, int]


class HealthMeter:
    """Counts for one source; any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._arrivals: deque[tuple[float, float | None, str]] = deque()
        self._received = 0
        self._refused: Counter[str] = Counter()

    def received(self, arrived_s: float, wall_s: float, sent_s: float, device: str = "") -> None:
        """A message came, by the monotonic and the wall clock; `sent_s` is the sender's, 0 if it gave none."""
        with self._lock:
            self._received += 1
            self._arrivals.append((arrived_s, wall_s - sent_s if sent_s > 0 else None, device))
            while self._arrivals[0][0] < arrived_s - WINDOW_S:
                self._arrivals.popleft()

    def refused(self, why: str) -> None:
        """A message was not taken."""
        with self._lock:
            self._refused[why] += 1

    def health(self, now_s: float) -> Health:
        """The figures at a time of the monotonic clock."""
        with self._lock:
            rows = [row for row in self._arrivals if row[0] >= now_s - WINDOW_S]
            received, refused = self._received, dict(self._refused)
        busiest = Counter(row[2] for row in rows).most_common(1)
        times = [row[0] for row in rows if row[2] == busiest[0][0]]
        gaps = np.diff(times if times and times[-1] >= now_s - SILENT_S else [])
        delays = [row[1] for row in rows if row[1] is not None]
        shortest = min(delays, default=None)
        return Health(
            rate_hz=float(1.0 / gaps.mean()) if len(gaps) and gaps.mean() > 0 else 0.0,
            jitter_ms=float(gaps.std() * 1000.0) if len(gaps) else 0.0,
            latency_ms=None if shortest is None else float(np.median(delays) - shortest) * 1000.0,
            clock_offset_s=None if shortest is None else -shortest,
            received=received,
            refused=refused,
        )
