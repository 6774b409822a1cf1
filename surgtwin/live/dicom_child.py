"""What the child processes that take in DICOM share: JSON lines in and out, and the end when the parent is gone."""

from __future__ import annotations

import json
import sys
import threading
from typing import Any

_LOCK = threading.Lock()


def tell(event: str, **about: Any) -> None:
    """One event to the parent, from any thread. Events never carry what identifies a patient."""
    line = json.dumps({"event": event, **about}) + "\n"
    with _LOCK:
        sys.stdout.write(line)
        sys.stdout.flush()


def read_configuration() -> dict[str, Any]:
    """What the parent wants; it comes by standard input, since a command line can be read by everyone."""
    found = json.loads(sys.stdin.readline())
    if not isinstance(found, dict):
        raise ValueError("a JSON object was expected")
    return found


def when_parent_is_gone(stop: threading.Event) -> None:
    """Set `stop` as soon as standard input is closed, which a parent does when it ends, however it ends."""

    def wait() -> None:
        while sys.stdin.readline():
            continue
        stop.set()

    threading.Thread(target=wait, daemon=True).start()


def limit_memory(most_bytes: int) -> None:
    """Let the system refuse this process more memory than that, where it can (not on Windows and macOS)."""
    if sys.platform == "linux":
        import resource

        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        most = most_bytes if hard == resource.RLIM_INFINITY else min(most_bytes, hard)
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))
