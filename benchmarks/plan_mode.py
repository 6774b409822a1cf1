"""What a hand waits for in the desktop's Plan mode: figures and picture of a dragged cut, at 512 x 512 x 300.

    python benchmarks/plan_mode.py [--small] [--drags 30]

The same liver-like twin and drag as in benchmarks/planning.py. Measured is what the worker does for one step of the
hand: the preview's figures, the organ divided in two, the cut's sheet with its margins; against the goal of 100 ms.
The window then draws it, which depends on the graphics. On a machine that others use, CPU tells more than wall.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.planning import FULL, SMALL, bent_patch, dragged, liver_twin, resection
from surgtwin.domain.plan import Plan
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.progress import SILENT
from ui.desktop.planning.judging import Judge

GOAL_MS = 100.0


def drag(judge: Judge, cuts: list[Any]) -> dict[str, float]:
    """Median and longest time of a step, in ms of this thread's CPU and of the wall."""
    cpu, wall = [], []
    for surface in cuts:
        before = time.thread_time(), time.perf_counter()
        judge.quick(Plan(resections=(resection(surface),)), SILENT)
        cpu.append(1e3 * (time.thread_time() - before[0]))
        wall.append(1e3 * (time.perf_counter() - before[1]))
    figures = {"cpu_ms": statistics.median(cpu), "cpu_ms_longest": max(cpu)}
    return figures | {"wall_ms": statistics.median(wall), "wall_ms_longest": max(wall)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="128 x 128 x 75 instead of 512 x 512 x 300")
    parser.add_argument("--drags", type=int, default=30, help="steps of one drag")
    arguments = parser.parse_args()
    geometry = TwinGeometry(liver_twin(SMALL if arguments.small else FULL))
    judge = Judge(geometry)
    patch = bent_patch(geometry.tissue(("liver",)))
    before = time.process_time()
    judge.warm(resection(patch))
    judge.quick(Plan(resections=(resection(patch),)), SILENT)
    figures: dict[str, Any] = {"grid": list(geometry.twin.labels.grid.shape)}
    figures["prepared_cpu_s"] = time.process_time() - before
    figures |= {kind: drag(judge, dragged(kind, patch, arguments.drags)) for kind in ("patch", "plane", "shell")}
    print(json.dumps(figures, indent=2))
    for kind in ("patch", "plane", "shell"):
        word = "met   " if figures[kind]["cpu_ms"] <= GOAL_MS else "missed"
        print(f"{word} a dragged {kind} is followed within {GOAL_MS:.0f} ms of CPU")


if __name__ == "__main__":
    main()
