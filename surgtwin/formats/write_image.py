"""An image written to one file, its format by the ending."""

from __future__ import annotations

from pathlib import Path

from ..domain.volume import Volume
from ..errors import FormatError
from .metaimage import write_metaimage
from .nifti import write_nifti
from .nrrd import write_nrrd

IMAGE_ENDINGS = (".nrrd", ".mha", ".nii.gz", ".nii")


def write_image(volume: Volume, path: Path) -> None:
    """Write an image's values at their place, without patient data; the same image gives the same bytes.

    Raises
    ------
    FormatError
        If the ending is unknown.
    DiskError
        If the file cannot be written.
    """
    name = path.name.lower()
    if name.endswith(".nrrd"):
        write_nrrd(path, volume.grid, (volume.values,))
    elif name.endswith(".mha"):
        write_metaimage(path, volume.grid, volume.values)
    elif name.endswith((".nii", ".nii.gz")):
        write_nifti(path, volume.grid, volume.values)
    else:
        raise FormatError(f"'{path.name}': images are written as {', '.join(IMAGE_ENDINGS)}.")
