"""One door for every kind of image: what there is in an input, and one of it as a volume."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..dicom.load import load
from ..dicom.scan import SeriesInfo, SkippedFile, scan
from ..domain.volume import Modality, Volume
from ..errors import ImageError, NoSeriesError
from ..formats.registry import is_supported_image, read_volume
from ..progress import SILENT, Progress


@dataclass(frozen=True)
class ImageChoice:
    """One image that an input offers: a DICOM series, or a file in another format.

    Parameters
    ----------
    key
        What `--series` takes: the SeriesInstanceUID (with "/stack" where a series has several), or the file's name.
    refusal
        Why it cannot be loaded as it is; empty if it can.
    """

    key: str
    description: str
    modality: str
    score: float
    reasons: tuple[str, ...]
    refusal: str = ""
    series: SeriesInfo | None = None
    file: Path | None = None


@dataclass(frozen=True)
class ImageChoices:
    """Everything an input offers, best first, and the files that were passed over with the reason."""

    choices: tuple[ImageChoice, ...]
    skipped: tuple[SkippedFile, ...] = ()

    def pick(self, key: str | None = None) -> ImageChoice:
        """The choice of that key, or the best-ranked one. Raises NoSeriesError saying what there is."""
        if key is not None:
            found = [c for c in self.choices if c.key == key or c.key.split("/")[0] == key]
            if not found:
                raise NoSeriesError(
                    f"There is no series {key}. There are: {', '.join(c.key for c in self.choices) or 'none'}."
                )
            return found[0]
        loadable = [c for c in self.choices if not c.refusal]
        if not loadable and not self.choices:
            raise NoSeriesError(f"No image series was found{self._first_reason()}")
        return (loadable or list(self.choices))[0]

    def _first_reason(self) -> str:
        if not self.skipped:
            return ": the input holds no DICOM image and no NIfTI, NRRD or MetaImage file."
        first = self.skipped[0]
        others = f" (and {len(self.skipped) - 1} more files)" if len(self.skipped) > 1 else ""
        return f". Passed over: {first.path}: {first.reason}{others}"


def find_images(path: Path, progress: Progress = SILENT) -> ImageChoices:
    """What `path` (a file, a folder, a zip, a DICOMDIR) offers.

    Raises
    ------
    ImageError
        If there is nothing at `path`.
    """
    if not path.exists():
        raise ImageError(f"{path} does not exist.")
    if path.is_file() and is_supported_image(path):
        return ImageChoices((_file_choice(path),))
    files = sorted(p for p in path.rglob("*") if p.is_file() and is_supported_image(p)) if path.is_dir() else []
    result = scan(path, progress)
    known = {os.path.realpath(f) for f in files}
    skipped = tuple(s for s in result.skipped if os.path.realpath(path / s.path) not in known)
    choices = [_series_choice(s) for s in result.series] + [_file_choice(f, path) for f in files]
    return ImageChoices(tuple(choices), skipped)


def open_image(
    path: Path,
    *,
    series: str | None = None,
    regularise: bool = False,
    modality: Modality | None = None,
    progress: Progress = SILENT,
) -> tuple[Volume, ImageChoice]:
    """The chosen (else the best-ranked) image of an input, and which one it was.

    Raises
    ------
    ImageError
        If nothing in the input can be read, or the chosen image cannot: the message names the file and the reason.
    """
    choice = find_images(path, progress.part(0.0, 0.3, "Reading headers")).pick(series)
    return load_choice(choice, regularise=regularise, modality=modality, progress=progress.part(0.3, 1.0)), choice


def load_choice(
    choice: ImageChoice, *, regularise: bool = False, modality: Modality | None = None, progress: Progress = SILENT
) -> Volume:
    """The volume of one choice."""
    if choice.series is not None:
        return load(choice.series, regularise=regularise, progress=progress.part(0.0, 1.0, "Reading slices"))
    if choice.file is None:
        raise ImageError(f"{choice.key} names no image.")
    return read_volume(choice.file, modality=modality, progress=progress.part(0.0, 1.0, "Reading the image"))


def _series_choice(series: SeriesInfo) -> ImageChoice:
    refusal = "" if series.refusal is None else str(series.refusal)
    return ImageChoice(
        series.key, series.description, series.modality_tag, series.score, series.reasons, refusal, series=series
    )


def _file_choice(path: Path, root: Path | None = None) -> ImageChoice:
    name = str(path.relative_to(root)) if root is not None else path.name
    return ImageChoice(name, path.name, "", 0.0, ("an image file, not DICOM: no identity, no modality",), file=path)
