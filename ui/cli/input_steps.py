"""Steps that several commands share: opening an image, choosing a segmenter, saying what was found."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from surgtwin.domain.finding import Finding, Severity
from surgtwin.errors import InputError, LabelError

from .channels import open_channels
from .console import note

if TYPE_CHECKING:
    from segmentation.segmenter import UNetSegmenter
    from surgtwin.domain.volume import Volume
    from surgtwin.pipeline.images import ImageChoice
    from surgtwin.pipeline.ports import Segmentation
    from surgtwin.progress import Progress


def open_chosen_image(options: argparse.Namespace, progress: Progress) -> tuple[Volume, ImageChoice]:
    from surgtwin.domain.volume import Modality
    from surgtwin.pipeline.images import open_image

    return open_image(
        options.input,
        series=options.series,
        regularise=options.regularise,
        modality=Modality(options.modality) if options.modality else None,
        progress=progress,
    )


def network(options: argparse.Namespace) -> Callable[[Volume, Progress], Segmentation]:
    """The network the options ask for, made when it is first used and kept for further images."""

    @cache
    def segmenter() -> UNetSegmenter:
        from segmentation.infer import InferenceSettings
        from segmentation.segmenter import UNetSegmenter

        from .roi import region_mm

        settings = InferenceSettings(device=options.device, fast=options.fast, mode=options.mode)
        return UNetSegmenter(options.model, settings, structures=options.structures, box=region_mm(options.roi))

    def segment(volume: Volume, progress: Progress) -> Segmentation:
        others, names = open_channels(options, progress.part(0.0, 0.1)) if "channel" in options else ([], None)
        return segmenter().segment_channels([volume, *others], progress.part(0.1 if others else 0.0, 1.0), names)

    return segment


def check_output_is_free(path: Path, *, force: bool) -> None:
    """Refuse before the work, not after it."""
    if path.exists() and not force:
        raise InputError(f"{path} exists. Give another name, or --force to replace it.")
    if path.is_dir() and path.suffix != ".twin":
        raise InputError(f"{path} is a folder; a file is to be written.")


def wanted_structures(asked: Sequence[str] | None, available: Iterable[str]) -> set[str] | None:
    """The structures asked for (None: all). Raises LabelError naming what there is."""
    if asked is None:
        return None
    names = list(available)
    found = {a: _matching(a, names) for a in asked}
    missing = [a for a, matches in found.items() if not matches]
    if missing or not asked:
        raise LabelError(
            f"There is no structure {', '.join(missing) or '(none given)'}; there are: {', '.join(names)}."
        )
    return {name for matches in found.values() for name in matches}


def _matching(asked: str, names: Sequence[str]) -> list[str]:
    """The name itself if it is there, else those that differ in case and underscores only."""
    if asked in names:
        return [asked]
    return [n for n in names if _loose(n) == _loose(asked)]


def _loose(name: str) -> str:
    return name.strip().lower().replace("_", " ")


_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


def note_findings(findings: Sequence[Finding]) -> None:
    """Findings on stderr, worst first."""
    for finding in sorted(findings, key=lambda f: _ORDER[f.severity]):
        note(f"{finding.severity}: {finding.message}")
