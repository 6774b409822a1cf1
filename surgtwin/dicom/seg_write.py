"""Write structures as a DICOM Segmentation object (BINARY) that belongs to the image's series."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..atomic_file import write_atomically
from ..domain.finding import Finding, Severity
from ..domain.geometry import Grid
from ..domain.labels import Code, LabelMap, Structure
from ..domain.structure_table import category_for, match
from ..domain.volume import DicomSource, Volume
from ..errors import LabelError, MemoryLimitError
from ..version import VERSION
from .derived import (
    MANUFACTURER,
    UTF8,
    as_lo,
    pixel_spacing,
    require_same_grid,
    require_source,
    row_and_column,
    slice_position,
    template,
)
from .quiet import quiet_pydicom

SERIES_NUMBER = 9001
TRACKING_PREFIX = "label"
_TISSUE = Code("85756007", "SCT", "Tissue")


def write_seg(labels: LabelMap, volume: Volume, path: Path, *, algorithm: str | None = None) -> tuple[Finding, ...]:
    """Write every structure that has voxels as one segment, with codes, colour, side and how it was made.

    Parameters
    ----------
    labels
        On the grid of `volume`; layers may overlap.
    algorithm
        Name of the network behind structures of the origin 'network'.

    Raises
    ------
    DicomError
        If `volume` does not come from DICOM.
    LabelError
        If the labels lie on another grid, or there is no voxel to write.
    MemoryLimitError
        If layers overlap and their masks would not fit into memory.
    """
    source, findings = require_source(volume, "DICOM SEG")
    require_same_grid(labels.grid, volume)
    structures = [s for s in labels.structures if labels.voxels(s)]
    if not structures:
        raise LabelError("There is no labelled voxel to write into a DICOM SEG.")
    dataset = template(source)
    with quiet_pydicom(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # highdicom quotes the patient's name in one
        segmentation = _build(labels, structures, dataset, source, volume.grid, algorithm)
        write_atomically(path, segmentation.save_as)
    left_out = [s.name for s in labels.structures if not labels.voxels(s)]
    if left_out:
        message = f"Without voxels, so not in the DICOM SEG: {', '.join(left_out)}."
        findings = (*findings, Finding("empty-structures", Severity.INFO, message))
    return findings


def _build(
    labels: LabelMap, structures: Sequence[Structure], dataset: Any, source: DicomSource, grid: Grid,
    algorithm: str | None,
) -> Any:  # fmt: skip
    """The highdicom object. Geometry is stated for each frame from the grid, never copied from the instances."""
    import highdicom as hd

    segmentation = hd.seg.Segmentation(
        source_images=_source_images(dataset, source, grid),
        pixel_array=_pixels(labels, structures),
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[_describe(n, s, algorithm) for n, s in enumerate(structures, start=1)],
        series_instance_uid=hd.UID(),
        series_number=SERIES_NUMBER,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER,
        software_versions=VERSION,
        device_serial_number="0",
        content_label="SEGMENTATION",
        content_description="Structures of a surgtwin twin",
        series_description="Segmentation (surgtwin)",
        plane_positions=[
            hd.PlanePositionSequence(hd.CoordinateSystemNames.PATIENT, slice_position(grid, k))
            for k in range(grid.shape[0])
        ],
        plane_orientation=hd.PlaneOrientationSequence(hd.CoordinateSystemNames.PATIENT, row_and_column(grid)),
        pixel_measures=hd.PixelMeasuresSequence(
            pixel_spacing=pixel_spacing(grid),
            slice_thickness=round(grid.spacing[2], 6),
            spacing_between_slices=round(grid.spacing[2], 6),
        ),
        specific_character_set=UTF8,
    )
    if not _is_slice_by_slice(source, grid):
        _drop_frame_references(segmentation)
    return segmentation


def _is_slice_by_slice(source: DicomSource, grid: Grid) -> bool:
    return source.is_on_grid and len(source.sop_instance_uids) == grid.shape[0]


def _drop_frame_references(segmentation: Any) -> None:
    """After regularising or tilt correction no slice of the grid is one instance: claim none."""
    for groups in segmentation.PerFrameFunctionalGroupsSequence:
        if "DerivationImageSequence" in groups:
            del groups.DerivationImageSequence


def _source_images(dataset: Any, source: DicomSource, grid: Grid) -> list[Any]:
    """One data set for each instance, as highdicom wants them: the first carries the modules to copy."""
    from pydicom.dataset import Dataset

    images = []
    for n, uid in enumerate(source.sop_instance_uids):
        image = dataset if n == 0 else Dataset()
        image.StudyInstanceUID = source.study_instance_uid
        image.SeriesInstanceUID = source.series_instance_uid
        image.SOPClassUID = source.sop_class_uid
        image.SOPInstanceUID = uid
        image.FrameOfReferenceUID = dataset.FrameOfReferenceUID
        image.Rows, image.Columns = grid.shape[1], grid.shape[2]
        image.ImageOrientationPatient = row_and_column(grid)
        image.ImagePositionPatient = slice_position(grid, n)
        image.PixelSpacing = pixel_spacing(grid)
        image.SliceThickness = round(grid.spacing[2], 6)
        images.append(image)
    return images


def _pixels(labels: LabelMap, structures: Sequence[Structure]) -> NDArray[Any]:
    """Segment numbers [k, j, i] if all structures share a layer, else masks [k, j, i, segment]."""
    layers = {s.layer for s in structures}
    if len(layers) == 1:
        layer = labels.layers[layers.pop()]
        numbers = np.zeros(max(int(layer.max()), *(s.label for s in structures)) + 1, dtype=np.uint16)
        for n, s in enumerate(structures, start=1):
            numbers[s.label] = n
        return np.asarray(numbers.astype(np.uint8 if len(structures) < 256 else np.uint16)[layer])
    _check_memory(labels.grid, len(structures))
    masks = np.empty((*labels.grid.shape, len(structures)), dtype=np.uint8)
    for n, s in enumerate(structures):
        np.equal(labels.layers[s.layer], s.label, out=masks[..., n], casting="unsafe")
    return masks


def _check_memory(grid: Grid, segments: int) -> None:
    import psutil

    needed = 2 * segments * int(np.prod(grid.shape))
    free = int(psutil.virtual_memory().available)
    if needed > free:
        raise MemoryLimitError(
            f"{segments} overlapping segments need {needed / 2**30:.1f} GiB of memory; {free / 2**30:.1f} are free. "
            "Write .seg.nrrd instead, or leave out structures that overlap."
        )


def _describe(number: int, structure: Structure, algorithm: str | None) -> Any:
    """One item of the Segment Sequence. The tracking id keeps label and name verbatim for our own reader."""
    import highdicom as hd
    from highdicom.sr.coding import CodedConcept

    code = structure.code or _TISSUE
    kind, method = _algorithm(structure, algorithm)
    description = hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=as_lo(structure.name),
        segmented_property_category=_concept(category_for(structure)),
        segmented_property_type=_concept(code),
        algorithm_type=kind,
        algorithm_identification=method,
        tracking_uid=hd.UID(),
        tracking_id=f"{TRACKING_PREFIX} {structure.label} {structure.name}",
        anatomic_regions=_regions(structure),
        display_color=hd.color.CIELabColor.from_rgb(*structure.colour),
    )
    if structure.laterality is not None:
        side = CodedConcept.from_code(_concept(structure.laterality))
        description.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [side]
    return description


def _algorithm(structure: Structure, algorithm: str | None) -> tuple[str, Any]:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    if structure.origin == "person":
        return "MANUAL", None
    if structure.origin == "network":
        name, family, kind = algorithm or "surgtwin network", codes.DCM.ArtificialIntelligence, "AUTOMATIC"
    elif structure.origin == "classical":
        name, family, kind = "surgtwin classical", codes.DCM.HistogramAnalysis, "AUTOMATIC"
    else:
        name, family, kind = "given label map", codes.DCM.ManualProcessing, "SEMIAUTOMATIC"
    return kind, hd.AlgorithmIdentificationSequence(name=as_lo(name), family=family, version=VERSION)


def _regions(structure: Structure) -> list[Any] | None:
    """For an abnormality, the organ it lies in."""
    whole = match(structure.part_of) if structure.part_of else None
    if whole is None or category_for(structure).meaning == "Anatomical Structure":
        return None
    return [_concept(whole.code)]


def _concept(code: Code) -> Any:
    from pydicom.sr.coding import Code as DicomCode

    return DicomCode(code.value, code.scheme, code.meaning)
