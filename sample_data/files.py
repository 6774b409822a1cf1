"""A phantom on disk: DICOM series, true labels as NIfTI, truth.json."""

from __future__ import annotations

import gzip
import json
import struct
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import affine_transform

from surgtwin.dicom.scan import scan
from surgtwin.dicom.straighten import straight_grid
from surgtwin.dicom.write import SeriesOptions, write_series
from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.errors import DiskError, InputError
from surgtwin.progress import SILENT, Progress

from .phantom import Phantom

TRUTH_FORMAT = 1
SFORM_CODE_AT, SROW_AT = 254, 280
"""Offsets in a NIfTI-1 header (nifti1.h)."""
SCANNER_ANATOMICAL = 1


def write_phantom(phantom: Phantom, folder: Path, progress: Progress = SILENT) -> tuple[Path, ...]:
    """Write dicom/, truth_labels.nii.gz (layer 0), truth_body.nii.gz (layer 1) and truth.json; returns all files.

    The truth of a tilted gantry's series is on the right-angled grid that loading it gives: label files cannot shear.

    Raises
    ------
    InputError
        If the folder holds files already.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"'{folder.name}' is there already and not empty; give a new folder.")
    spec = phantom.spec
    options = SeriesOptions(
        study_description="Synthetic abdomen (no patient)",
        uid_seed=f"phantom {phantom.volume.source.content_sha256}",
    )
    files = write_series(
        phantom.volume,
        folder / "dicom",
        description=phantom.volume.source.description,
        series_number=spec.seed % 9000 + 1,
        options=options,
        progress=progress,
    )
    phantom = replace(phantom, labels=straightened(phantom.labels, folder / "dicom"))
    truth = (folder / "truth_labels.nii.gz", folder / "truth_body.nii.gz", folder / "truth.json")
    for path, layer in zip(truth[:2], phantom.labels.layers, strict=True):
        _write_nifti(layer, phantom.labels.grid, path)
    try:
        truth[2].write_text(json.dumps(truth_of(phantom), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise DiskError(f"The truth could not be written: {error.strerror}.") from error
    return (*files, *truth)


def straightened(labels: LabelMap, dicom: Path) -> LabelMap:
    """The labels of a tilted series on the right-angled grid that loading it gives: the nearest voxel's, 0 outside."""
    series = scan(dicom).series[0]
    if series.order is None or series.order.is_upright:
        return labels
    grid = straight_grid(series.order, regularise=False).grid
    tilted_from_straight = np.linalg.inv(labels.grid.lps_from_ijk) @ grid.lps_from_ijk
    matrix, offset = tilted_from_straight[2::-1, 2::-1], tilted_from_straight[2::-1, 3]
    layers = [affine_transform(layer, matrix, offset, grid.shape, order=0) for layer in labels.layers]
    return replace(labels, grid=grid, layers=tuple(layers))


def _write_nifti(labels: npt.NDArray[Any], grid: Grid, path: Path) -> None:
    """Through SimpleITK, independently of the program's own writer."""
    import SimpleITK

    image = SimpleITK.GetImageFromArray(np.asarray(labels))
    image.SetOrigin(grid.origin.tolist())
    image.SetSpacing(grid.spacing)
    image.SetDirection(grid.direction.ravel().tolist())
    plain = path.with_name(path.name.removesuffix(".gz"))
    SimpleITK.WriteImage(image, str(plain))
    content = bytearray(plain.read_bytes())
    _state_affine(content, grid)
    path.write_bytes(gzip.compress(content, compresslevel=6, mtime=0))
    plain.unlink()


def _state_affine(content: bytearray, grid: Grid) -> None:
    """Put the grid's own matrix into a NIfTI-1 file's sform (RAS)."""
    ras_from_ijk = np.diag([-1.0, -1.0, 1.0, 1.0]) @ grid.lps_from_ijk
    struct.pack_into("<h", content, SFORM_CODE_AT, SCANNER_ANATOMICAL)
    struct.pack_into("<12f", content, SROW_AT, *ras_from_ijk[:3].ravel().tolist())


def truth_of(phantom: Phantom) -> dict[str, Any]:
    """What truth.json says."""
    spec, labels = phantom.spec, phantom.labels
    return {
        "format": TRUTH_FORMAT,
        "frame": "LPS mm",
        "seed": spec.seed,
        "spread": spec.spread,
        "grid": {"shape_kji": list(labels.grid.shape), "lps_from_ijk": labels.grid.lps_from_ijk.tolist()},
        "patient_origin_lps_mm": list(spec.origin_mm),
        "deformation": asdict(spec.deformation),  # type: ignore[call-overload]
        "tumours": [
            {
                "name": f"tumour {n + 1}",
                "center_at_rest_lps_mm": [
                    c + o
                    for c, o in zip(phantom.anatomy.build.patient_from_anatomy(t.center), spec.origin_mm, strict=True)
                ],
                "radius_mm": t.radius_mm,
            }
            for n, t in enumerate(spec.tumours)
        ],
        "structures": [
            {
                "name": s.name,
                "label": s.label,
                "layer": s.layer,
                "part_of": s.part_of or None,
                "voxels_ml": labels.volume_ml(s),
                "true": asdict(phantom.true_volumes[s.name]) if s.name in phantom.true_volumes else None,
            }
            for s in labels.structures
        ],
    }
