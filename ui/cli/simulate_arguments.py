"""What `surgtwin plan simulate` takes."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

VIDEO_ENDINGS = (".mp4", ".webp", ".gif", ".png")


def add_simulate(actions: Any, command: Callable[..., argparse.ArgumentParser]) -> None:
    """`surgtwin plan simulate` among the actions of `surgtwin plan`."""
    text = "simulate tool paths: clearances and contacts over time, swept and removed volumes, a video"
    p = command(actions, "simulate", "plan_simulate", text)
    p.add_argument("twin", type=Path, metavar="CASE.twin")
    p.add_argument("plan", metavar="PATH.json|NAME", help="a plan file with tool_paths (LPS, mm), or a kept plan")
    p.add_argument("--version", type=int, metavar="K", help="of the kept plan; the latest if not given")
    p.add_argument("--path", metavar="NAME", help="only this path of the plan")
    p.add_argument(
        "--video",
        type=_video,
        metavar="FILE",
        help="the instrument along the (first) path: .webp, .gif or .png (animated); .mp4 where ffmpeg is installed",
    )
    p.add_argument("--force", action="store_true", help="replace an existing video")


def _video(text: str) -> Path:
    if not text.lower().endswith(VIDEO_ENDINGS):
        raise argparse.ArgumentTypeError(f"'{text}': videos are written as {', '.join(VIDEO_ENDINGS)}")
    return Path(text)
