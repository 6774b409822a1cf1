"""How the command line talks: JSON on stdout, everything for people on stderr or stdout, progress on a terminal."""

from __future__ import annotations

import io
import json
import math
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from surgtwin.progress import Progress

_BAR_WIDTH = 24
_REFRESH_S = 0.1


def write_json(document: Any) -> None:
    """One JSON document on stdout: numbers unrounded, what is absent or not finite is null."""
    is_ascii = not _is_utf8(sys.stdout)
    json.dump(plain(document), sys.stdout, indent=2, ensure_ascii=is_ascii, allow_nan=False)
    sys.stdout.write("\n")


def print_anything() -> None:
    """Let stdout and stderr take every character: what their encoding lacks is written as an escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _is_utf8(stream: TextIO) -> bool:
    return (stream.encoding or "utf-8").lower().replace("-", "") == "utf8"


def plain(value: Any) -> Any:
    """A document made of what JSON knows; what is not finite is null."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (str, bool, int)) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Sequence):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value)


def say(text: str = "") -> None:
    """A line for a person, on stdout."""
    print(text)


def note(text: str) -> None:
    """A line for a person that is not the result: on stderr."""
    print(text, file=sys.stderr)


class ProgressBar:
    """A bar with stage, percent and time left on stderr; silent where that is no terminal."""

    def __init__(self) -> None:
        self._is_shown = sys.stderr.isatty()
        self._started = time.monotonic()
        self._last = 0.0

    def progress(self) -> Progress:
        return Progress(self._report)

    def _report(self, fraction: float, stage: str) -> None:
        now = time.monotonic()
        if not self._is_shown or (now - self._last < _REFRESH_S and fraction < 1.0):
            return
        self._last = now
        filled = round(_BAR_WIDTH * fraction)
        bar = "#" * filled + "-" * (_BAR_WIDTH - filled)
        sys.stderr.write(f"\r\033[K[{bar}] {fraction:4.0%}  {stage}  {self._time_left(fraction, now)}")
        sys.stderr.flush()

    def _time_left(self, fraction: float, now: float) -> str:
        elapsed = now - self._started
        if fraction < 0.02 or elapsed < 1.0:
            return ""
        left = elapsed * (1.0 - fraction) / fraction
        return f"{int(left // 60)}:{int(left % 60):02d} left"

    def close(self) -> None:
        if self._is_shown:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()


def table(rows: Sequence[Sequence[str]], header: Sequence[str], right: Sequence[int] = ()) -> str:
    """Columns aligned with spaces; `right` names the columns set flush right."""
    lines = [list(header), *[list(r) for r in rows]]
    widths = [max(len(line[c]) for line in lines) for c in range(len(header))]
    out = []
    for line in lines:
        cells = [t.rjust(w) if c in right else t.ljust(w) for c, (t, w) in enumerate(zip(line, widths, strict=True))]
        out.append("  ".join(cells).rstrip())
    return "\n".join(out)
