"""`surgtwin screenshot`: a picture of a twin, without a display."""

from __future__ import annotations

import argparse

from surgtwin.store.load import load_twin
from ui.render.screenshot import write_screenshot

from .console import say, write_json


def run(options: argparse.Namespace) -> int:
    twin = load_twin(options.twin)
    write_screenshot(twin, options.output, size=options.size, view=options.view)
    if options.json:
        write_json({"output": str(options.output), "size": list(options.size), "view": options.view})
    else:
        say(f"written: {options.output}")
    return 0
