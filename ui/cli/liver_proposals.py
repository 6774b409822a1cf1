"""What `--liver-lesions` adds to `build` and `segment`: proposals for a person to confirm or dismiss."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .console import say, table

if TYPE_CHECKING:
    from surgtwin.domain.volume import Volume
    from surgtwin.pipeline.ports import Segmentation
    from surgtwin.progress import Progress

ORGANS_SHARE = 0.75
KIND = "liver_lesions"

Segment = Callable[["Volume", "Progress"], "Segmentation"]


def add_option(parser: argparse.ArgumentParser) -> None:
    """The option itself."""
    parser.add_argument(
        "--liver-lesions",
        action="store_true",
        help="CT: propose lesions inside the liver, to be confirmed by a person (it misses some and invents some)",
    )


def proposing(options: argparse.Namespace, segment: Segment) -> Segment:
    """`segment`, followed by the search for liver lesions if the options ask for it."""
    if not options.liver_lesions:
        return segment

    def segment_and_propose(volume: Volume, progress: Progress) -> Segmentation:
        from segmentation.infer import InferenceSettings
        from segmentation.lesion_finder import LesionFinder
        from segmentation.lesion_proposals import add_liver_lesions

        # Loaded first: what is missing should be said before the organs are looked for, which takes minutes.
        finder = LesionFinder(settings=InferenceSettings(device=options.device, fast=options.fast))
        organs = segment(volume, progress.part(0.0, ORGANS_SHARE))
        return add_liver_lesions(organs, volume, finder, progress.part(ORGANS_SHARE, 1.0))

    return segment_and_propose


def say_proposals(model: Mapping[str, Any]) -> None:
    """The numbered list of proposed lesions, from what the provenance keeps; nothing if none were looked for."""
    if KIND not in model:
        return
    rows = [
        [
            lesion["name"],
            ", ".join(f"{v:.0f}" for v in lesion["centre_lps_mm"]),
            f"{lesion['longest_diameter_mm']:.0f}",
            f"{lesion['volume_ml']:.1f}",
            f"{lesion['confidence']:.2f}",
        ]
        for lesion in model[KIND]["lesions"]
    ]
    say("\nproposed liver lesions, each to be confirmed by a person:" if rows else "\nno liver lesion is proposed")
    if rows:
        header = ("proposal", "place LPS mm", "longest diameter mm", "mL", "confidence")
        say(table(rows, header, right=(2, 3, 4)))
