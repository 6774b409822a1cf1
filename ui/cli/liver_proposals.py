"""What `--liver-lesions` and `--liver-vessels` add to `build` and `segment`: proposals for a person to judge."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .console import say, table

if TYPE_CHECKING:
    from surgtwin.domain.volume import Volume
    from surgtwin.pipeline.ports import Segmentation
    from surgtwin.progress import Progress

ORGANS_SHARE = 0.75
LESIONS, VESSELS = "liver_lesions", "liver_vessels"

Segment = Callable[["Volume", "Progress"], "Segmentation"]


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options themselves."""
    parser.add_argument(
        "--liver-lesions",
        action="store_true",
        help="CT: propose lesions inside the liver, to be confirmed by a person (it misses some and invents some)",
    )
    parser.add_argument(
        "--liver-vessels",
        action="store_true",
        help="CT: propose portal and hepatic branches inside the liver, to be confirmed by a person",
    )


def proposing(options: argparse.Namespace, segment: Segment) -> Segment:
    """`segment`, followed by the search for liver vessels and lesions if the options ask for them."""
    if options.liver_vessels:
        segment = _with_vessels(segment)
    return _with_lesions(options, segment) if options.liver_lesions else segment


def _with_vessels(segment: Segment) -> Segment:
    def segment_and_propose(volume: Volume, progress: Progress) -> Segmentation:
        from segmentation.vessel_proposals import add_liver_vessels

        organs = segment(volume, progress.part(0.0, ORGANS_SHARE))
        return add_liver_vessels(organs, volume, progress.part(ORGANS_SHARE, 1.0))

    return segment_and_propose


def _with_lesions(options: argparse.Namespace, segment: Segment) -> Segment:
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
    """What was proposed, from what the provenance keeps; nothing of what was not looked for."""
    if VESSELS in model:
        lengths: Mapping[str, float] = model[VESSELS]["lengths_mm"]
        found = [[name, f"{length / 10:.0f}"] for name, length in lengths.items() if length > 0]
        say("\nproposed liver vessels, to be confirmed by a person:" if found else "\nno liver vessel is proposed")
        if found:
            say(table(found, ("proposal", "cm"), right=(1,)))
    if LESIONS in model:
        _say_lesions(model[LESIONS]["lesions"])


def _say_lesions(lesions: Sequence[Mapping[str, Any]]) -> None:
    """The numbered list of proposed lesions."""
    rows = [
        [
            lesion["name"],
            ", ".join(f"{v:.0f}" for v in lesion["centre_lps_mm"]),
            f"{lesion['longest_diameter_mm']:.0f}",
            f"{lesion['volume_ml']:.1f}",
            f"{lesion['confidence']:.2f}",
        ]
        for lesion in lesions
    ]
    say("\nproposed liver lesions, each to be confirmed by a person:" if rows else "\nno liver lesion is proposed")
    if rows:
        header = ("proposal", "place LPS mm", "longest diameter mm", "mL", "confidence")
        say(table(rows, header, right=(2, 3, 4)))
