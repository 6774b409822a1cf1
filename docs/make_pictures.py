"""Make the README's pictures from a twin: `python docs/make_pictures.py demo_output/phantom.twin`. Needs no display."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from surgtwin.store.load import load_twin
from ui.desktop.app import make_application, make_window
from ui.render.screenshot import write_screenshot

PICTURES = Path(__file__).resolve().parent / "pictures"
WINDOW = (1600, 1000)
SETTLE_S = 12.0
"""Opening and the finer drawing at rest take some seconds on a software renderer."""


def desktop_picture(twin: Path, target: Path) -> None:
    app = make_application()
    window = make_window()
    window.resize(*WINDOW)
    window.show()
    window.commands.open_path(twin)
    until = time.monotonic() + SETTLE_S
    while time.monotonic() < until:
        app.processEvents()
    window.grab().save(str(target))
    window.close()


def main() -> int:
    twin = Path(sys.argv[1])
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SURGTWIN_CONFIG"] = folder
        desktop_picture(twin, PICTURES / "desktop.png")
    write_screenshot(load_twin(twin), PICTURES / "overview.png", size=(1400, 900))
    return 0


if __name__ == "__main__":
    sys.exit(main())
