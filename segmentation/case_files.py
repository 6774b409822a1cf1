"""The files of training cases: where they lie, and both of a pair read in one orientation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from surgtwin.errors import FormatError, InputError, LabelError

from .training_config import CaseSource

GRID_TOLERANCE_SHARE = 0.05
"""How far, in voxels, an image's corners may lie from its labels' corners: headers are rounded in some data sets."""

Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.uint8]
CaseFiles = tuple[str, Path, Path]
"""Name, image, labels. The name starts with the source's folder: ``ct_abdomen/case11``."""


def find_cases(source: CaseSource, data_roots: Sequence[Path]) -> list[CaseFiles]:
    """Return every case of a source, sorted by name.

    Raises
    ------
    InputError
        If no root holds the source, or there is no case in it; says where was looked.
    """
    places = [place for root in data_roots for place in _places(source, root)]
    folder = next((place for place in places if place.is_dir()), None)
    if folder is None:
        looked = ", ".join(str(place) for place in places) or "nowhere, for no data folder was given"
        raise InputError(
            f"No data folder holds {source.folder!r}, which the configuration lists as a source. Looked for: {looked}."
        )
    found = pairs(folder, source)
    if not found:
        raise InputError(
            f"{folder / source.images} holds no *{source.image_suffix} with *{source.label_suffix} "
            f"in {folder / source.labels}."
        )
    return found


def _places(source: CaseSource, root: Path) -> list[Path]:
    """A source lies in a data folder, or is the data folder itself."""
    inside = root / source.folder
    return [root] if root.resolve().name == source.folder and not inside.is_dir() else [inside]


def pairs(folder: Path, source: CaseSource) -> list[CaseFiles]:
    """Return the images of a source's folder that have labels, sorted by name."""
    found = []
    for image in sorted((folder / source.images).glob(f"*{source.image_suffix}")):
        case = image.name[: -len(source.image_suffix)]
        labels = folder / source.labels / f"{case}{source.label_suffix}"
        if labels.exists():
            found.append((f"{Path(source.folder).name}/{case}", image, labels))
    return found


def read_oriented(path: Path) -> tuple[Array, tuple[float, float, float]]:
    """Return an image file as ``[k, j, i]`` in LPS order and its spacing [k, j, i] in mm.

    Raises
    ------
    FormatError
        If the file is no image, or not three-dimensional.
    """
    return _values(_open(path))


def read_pair(image: Path, labels: Path) -> tuple[Array, Labels, tuple[float, float, float]]:
    """Return image values and labels ``[k, j, i]`` in LPS order, and the spacing [k, j, i] in mm.

    Raises
    ------
    FormatError
        If a file is no image.
    LabelError
        If the labels lie on another grid than the image, or are no whole numbers from 0 to 255.
    """
    seen, named = _open(image), _open(labels)
    if seen.GetSize() != named.GetSize():
        raise LabelError(f"{labels.name} has shape {named.GetSize()}, its image {seen.GetSize()}.")
    apart = _largest_distance_voxels(seen, named)
    if apart > GRID_TOLERANCE_SHARE:
        raise LabelError(f"{labels.name} lies up to {apart:.2g} voxels away from its image. Export both on one grid.")
    values, spacing = _values(seen)
    truth = _values(named)[0]
    whole = truth.astype(np.uint8)
    if not np.array_equal(whole, truth):
        raise LabelError(f"{labels.name} holds values that are no whole numbers from 0 to 255.")
    return values, whole, spacing


def _open(path: Path) -> Any:
    import SimpleITK

    try:
        image = SimpleITK.ReadImage(str(path))
    except RuntimeError as error:
        raise FormatError(f"{path.name} cannot be read as an image. Export it again, or take it out.") from error
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise FormatError(f"{path.name} is no three-dimensional image of single values.")
    return SimpleITK.DICOMOrient(image, "LPS")


def _values(image: Any) -> tuple[Array, tuple[float, float, float]]:
    import SimpleITK

    x, y, z = image.GetSpacing()
    return SimpleITK.GetArrayFromImage(image).astype(np.float32), (z, y, x)


def _largest_distance_voxels(first: Any, second: Any) -> float:
    """Return how far corners of the same index lie apart, in voxels of the finest axis."""
    size = first.GetSize()
    corners = [[float(n * (s - 1)) for n, s in zip(c, size, strict=True)] for c in np.ndindex(2, 2, 2)]
    places = [
        np.array([image.TransformContinuousIndexToPhysicalPoint(c) for c in corners]) for image in (first, second)
    ]
    return float(np.linalg.norm(places[0] - places[1], axis=1).max() / min(first.GetSpacing()))
