"""How smooth the desktop stays while a tracker sends, and how soon a pose is on the screen.

    python benchmarks/live_desktop.py CASE.twin [--seconds 20] [--rate 60] [--json FILE]

The whole window is drawn without a display; the tracker is a process of its own. Told are: from a pose's arrival to its
picture (median, 95 %), pictures a second, the longest time that the window did not answer, and the memory that grew.
On a machine that others use, the figures are of that machine at that hour.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

GOAL_P95_MS = 80.0
WINDOW = (1600, 1000)
OPEN_S, WARM_S = 120.0, 15.0
CIRCLE_MM = 20.0


def track(centre: tuple[float, float, float], rate_hz: float, told: Any) -> None:
    """Send a tool that circles a place until the process is ended."""
    from surgtwin.live.igtl_server import IgtlServer
    from surgtwin.live.simulate import Faults, ToolSimulator, Wobble

    with IgtlServer(0) as server:
        told.put(server.port)
        ToolSimulator(Wobble(centre), Faults()).run(server.send, threading.Event(), rate_hz)


def measure(case: Path, seconds: float, rate_hz: float) -> dict[str, Any]:
    import psutil

    from ui.desktop.app import make_application, make_window

    app, window = make_application(), make_window()
    window.resize(*WINDOW)
    window.show()
    window.commands.open_path(case)
    pump(app, lambda: window.state.twin is not None, OPEN_S)
    window.state.set_mode("live")
    desk, panel, twin = window.live.desk, window.live.panel, window.state.twin
    x, y, z = (float(v) for v in twin.labels.grid.center())
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    sender = context.Process(target=track, args=((x, y, z), rate_hz, told), daemon=True)
    sender.start()
    panel.sources.address.setCurrentText(f"127.0.0.1:{told.get(timeout=OPEN_S)}")
    panel.sources.connect_button.click()
    pump(app, lambda: bool(desk.device), OPEN_S)
    panel.tool.places.click()
    pump(app, lambda: desk.guidance is not None, OPEN_S)
    run(app, WARM_S)
    desk.forget_drawn()
    before = psutil.Process().memory_info().rss
    drawn = count_pictures(desk)
    gaps = run(app, seconds)
    shown = desk.to_screen_ms or (float("nan"), float("nan"))
    sender.terminate()
    window.leaves_unsaved = True
    window.close()
    return {
        "to_screen_median_ms": shown[0],
        "to_screen_p95_ms": shown[1],
        "goal_p95_ms": GOAL_P95_MS,
        "pictures_a_second": drawn() / seconds,
        "longest_silence_ms": 1000.0 * max(gaps),
        "silence_p95_ms": float(1000.0 * np.percentile(gaps, 95)),
        "memory_grown_mb": (psutil.Process().memory_info().rss - before) / 2**20,
        "triangles": int(sum(len(m.triangles) for m in twin.meshes)),
    }


def count_pictures(desk: Any) -> Any:
    """How many poses were drawn since, when it is called."""
    start = desk.drawn
    return lambda: desk.drawn - start


def pump(app: Any, is_done: Any, limit_s: float) -> None:
    end = time.monotonic() + limit_s
    while not is_done():
        app.processEvents()
        if time.monotonic() > end:
            raise SystemExit("It took too long.")


def run(app: Any, seconds: float) -> list[float]:
    """Turn the event loop; how long each turn took, s."""
    gaps, end = [], time.monotonic() + seconds
    last = time.monotonic()
    while last < end:
        app.processEvents()
        now = time.monotonic()
        gaps.append(now - last)
        last = now
        time.sleep(0.001)
    return gaps


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", type=Path)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rate", type=float, default=60.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SURGTWIN_CONFIG"] = folder
        told = measure(options.case, options.seconds, options.rate)
    text = json.dumps(told, indent=2)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
