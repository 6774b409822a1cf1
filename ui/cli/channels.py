"""`--channel T2=IMAGE`: the further images of a model that looks at several at once."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from .console import note

if TYPE_CHECKING:
    from surgtwin.domain.volume import Volume
    from surgtwin.progress import Progress


def channel(text: str) -> tuple[str, Path]:
    """Name and path of "T2=IMAGE"."""
    name, is_given, path = text.partition("=")
    if not (is_given and name.strip() and path):
        raise argparse.ArgumentTypeError(f"'{text}' is not NAME=IMAGE, like T2=other.nii.gz")
    return name.strip(), Path(path)


def open_channels(options: argparse.Namespace, progress: Progress) -> tuple[list[Volume], list[str] | None]:
    """The further images, and what every image's channel is called: the first one's is the one that no other names."""
    from surgtwin.domain.volume import Modality
    from surgtwin.pipeline.images import open_image

    given: list[tuple[str, Path]] = options.channel or []
    if not given:
        return [], None
    modality = Modality(options.modality) if options.modality else None
    volumes = []
    for n, (name, path) in enumerate(given):
        part = progress.part(n / len(given), (n + 1) / len(given))
        volume, choice = open_image(path, regularise=options.regularise, modality=modality, progress=part)
        note(f"channel {name}: {choice.description or choice.key}  [{choice.key}]")
        volumes.append(volume)
    return volumes, ["", *(name for name, _ in given)]
