"""Images for a model that needs several at once (T1 and T2): which is which, and all on the first one's grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.geometry import Grid
from surgtwin.domain.volume import Volume
from surgtwin.errors import ImageError, ModelError, PatientMismatchError
from surgtwin.imaging.resample import resample_volume
from surgtwin.progress import Progress

from .model_folder import ModelFolder

MOST_SAMPLES = 24
"""Per axis, where it is estimated how much of one image another covers."""
WHOLE = 0.999


@dataclass(frozen=True)
class ChannelImages:
    """The images of a run, on one grid, the first the one that is labelled.

    Parameters
    ----------
    names
        The model's name of each image's channel; empty where nobody said: then they are in the model's own order.
    """

    volumes: tuple[Volume, ...]
    names: tuple[str, ...]
    findings: tuple[Finding, ...]

    def of(self, model: ModelFolder) -> tuple[Volume, ...]:
        """Return a model's input in its own order."""
        if len(model.channel_names) == 1:
            return self.volumes[:1]
        order = channel_order(model, len(self.volumes), self.names)
        return tuple(self.volumes[n] for n in order)


def channel_order(model: ModelFolder, count: int, names: Sequence[str]) -> tuple[int, ...]:
    """Return, for each of a model's channels, which of the given images it is.

    Parameters
    ----------
    names
        Of each image's channel, in any case; one empty name stands for the channel that no other names.

    Raises
    ------
    ModelError
        If there are too few or too many images, or a name is not the model's or is given twice.
    """
    needed = model.channel_names
    listed = ", ".join(needed)
    if count != len(needed):
        images = f"{len(needed)} images ({listed})" if len(needed) > 1 else f"one image ({listed})"
        hint = " Give the others with --channel NAME=IMAGE." if count < len(needed) else ""
        raise ModelError(f"The model {model.name} needs {images}; {count} given.{hint}")
    if not names:
        return tuple(range(count))
    lowered = [n.lower() for n in needed]
    given = [n.lower() for n in names]
    unknown = [n for n in names if n and n.lower() not in lowered]
    if unknown or len(set(given)) != len(given) or len(given) != count:
        said = ", ".join(n or "(unnamed)" for n in names)
        raise ModelError(f"The channels {said} are not the model's, each once; {model.name} needs: {listed}.")
    free = [n for n in lowered if n not in given]
    given = [n or free[0] for n in given]
    return tuple(given.index(n) for n in lowered)


def align_channels(volumes: Sequence[Volume], names: Sequence[str], progress: Progress) -> ChannelImages:
    """Return the images on the first one's grid.

    Raises
    ------
    PatientMismatchError
        If two of them state different patients.
    ImageError
        If it is not known that they lie in one frame of reference, or one shows nothing of what the first shows.
    """
    first, aligned = volumes[0], [volumes[0]]
    findings: list[Finding] = []
    for n, other in enumerate(volumes[1:], 1):
        name = names[n] if names and names[n] else f"image {n + 1}"
        if any(other.source.content_sha256 == v.source.content_sha256 for v in volumes[:n]):
            raise ImageError(f"The channel {name} is the same image as another; give the one that was asked for.")
        part = progress.part((n - 1) / (len(volumes) - 1), n / (len(volumes) - 1))
        _refuse_strangers(first, other, name)
        if other.grid.is_same_space(first.grid):
            aligned.append(other)
            continue
        covered = covered_share(other.grid, first.grid)
        if covered == 0.0:
            raise ImageError(
                f"The channel {name} shows nothing of what the first image shows; give images of one scan."
            )
        findings.append(_resampled(name, other.grid, covered))
        aligned.append(resample_volume(other, first.grid, progress=part))
    return ChannelImages(tuple(aligned), tuple(names), tuple(findings))


def covered_share(image: Grid, grid: Grid) -> float:
    """Return the share of a grid, sampled at voxels spread over it, that lies within an image."""
    spread = [np.unique(np.linspace(0, n - 1, min(n, MOST_SAMPLES)).round()) for n in grid.size_ijk]
    points = np.stack(np.meshgrid(*spread, indexing="ij"), axis=-1).reshape(-1, 3)
    ijk = image.to_ijk(grid.to_lps(points))
    inside = np.all((ijk >= -0.5) & (ijk <= np.array(image.size_ijk) - 0.5), axis=-1)
    return float(inside.mean())


def _refuse_strangers(first: Volume, other: Volume, name: str) -> None:
    if first.patient.contradicts(other.patient):
        raise PatientMismatchError(f"The channel {name} is of another patient than the first image.")
    if other.grid.is_same_space(first.grid) and (first.source.dicom is None or other.source.dicom is None):
        return
    frames = [v.source.dicom.frame_of_reference_uid if v.source.dicom else "" for v in (first, other)]
    if not all(frames):
        raise ImageError(
            f"The channel {name} lies on another grid than the first image, and nothing says that both were taken in "
            "one frame of reference. Give DICOM series of one examination, or images on one grid."
        )
    if frames[0] != frames[1]:
        raise ImageError(
            f"The channel {name} has another frame of reference than the first image: the patient may have moved. "
            "Register the images to each other first."
        )


def _resampled(name: str, grid: Grid, covered: float) -> Finding:
    spacing = " x ".join(f"{s:.3g}" for s in grid.spacing)
    message = f"The channel {name} ({spacing} mm) was resampled to the first image's grid."
    severity = Severity.INFO
    if covered < WHOLE:
        severity = Severity.WARNING
        message += (
            f" It covers {covered:.0%} of that image; elsewhere its lowest value stands, and labels are doubtful."
        )
    return Finding("channel-resampled", severity, message, numbers={"covered_share": covered})
