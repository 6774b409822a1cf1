"""One JSON line per event, and stopping after a time or by the keyboard: what the live commands share."""

from __future__ import annotations

import argparse
import json
import math
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from surgtwin.errors import SourceError
from surgtwin.live.address import parse_address

from .console import plain, say

ROLES = ("intra-op", "arterial", "portal", "mr", "ultrasound", "prior", "post-op")
"""What an image that arrives can be to the twin."""
UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}


class EventLines:
    """Writes events as they come, from any thread: JSON lines, or short lines for a person."""

    def __init__(self, *, is_json: bool) -> None:
        self._is_json = is_json
        self._lock = threading.Lock()

    def write(self, event: str, line: str, /, **about: Any) -> None:
        """One event; `line` is what a person reads of it, "" for nothing."""
        with self._lock:
            if self._is_json:
                sys.stdout.write(json.dumps(plain({"event": event, **about}), allow_nan=False) + "\n")
                sys.stdout.flush()
            elif line:
                say(line)
                sys.stdout.flush()


def seconds(text: str) -> float:
    """A duration of "30", "30s", "500ms", "2min" or "1h", for argparse."""
    unit = next((u for u in ("ms", "min", "h", "s") if text.endswith(u)), "")
    try:
        value = float(text.removesuffix(unit)) * UNITS.get(unit, 1.0)
    except ValueError:
        value = math.nan
    if not 0.0 < value < 1e7:
        raise argparse.ArgumentTypeError(f"'{text}' is no duration like 30s, 500ms or 2min")
    return value


def address(text: str) -> tuple[str, int]:
    """Host and port of "HOST:PORT", for argparse; [::1]:18944 for IPv6."""
    try:
        return parse_address(text)
    except SourceError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def port(text: str) -> int:
    """A port of "0" to "65535", for argparse."""
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"'{text}' is no port; 0 to 65535 was expected")
    return int(text)


@contextmanager
def stop_after(seconds: float | None, stop: threading.Event) -> Iterator[None]:
    """Sets `stop` when the time is over, if one is given, or the block is left by Ctrl-C."""
    timer = None if seconds is None else threading.Timer(seconds, stop.set)
    if timer is not None:
        timer.daemon = True
        timer.start()
    try:
        yield
    finally:
        stop.set()
        if timer is not None:
            timer.cancel()
