"""`surgtwin live watch`: series that appear in a folder are offered to a twin as updates."""

from __future__ import annotations

import argparse

from surgtwin.errors import InputError

from .live_intake import follow, inbox_folder

MODULE = "surgtwin.live.dicom_watch"


def run(options: argparse.Namespace) -> int:
    """Watch until the time is over or the person stops it."""
    folder = options.folder.resolve()
    if not folder.is_dir():
        raise InputError(f"There is no folder {options.folder} to watch.")
    inbox = inbox_folder(options)
    if inbox == folder or inbox.is_relative_to(folder) or options.twin.resolve().is_relative_to(folder):
        raise InputError(f"{options.folder} holds the twin or its inbox. Watch another folder, or give --inbox DIR.")
    return follow(options, MODULE, {"folder": str(folder), "settle_s": options.settle})
