"""`surgtwin view`: open the desktop."""

from __future__ import annotations

import argparse

from surgtwin.errors import DeviceError, InputError

from .display import has_display


def run(options: argparse.Namespace) -> int:
    if options.path is not None and not options.path.exists():
        raise InputError(f"{options.path} does not exist.")
    if not has_display():
        raise DeviceError("There is no display to open a window on. Use `surgtwin screenshot` for pictures.")
    from ui.desktop.app import run as run_desktop

    return run_desktop(options.path)
