"""What `info` tells of a twin, as plain data. The same figures stand on the screen and in reports."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ..domain.confidence import ConfidenceMap, VolumeInterval
from ..domain.finding import finding_as_json
from ..domain.geometry import Grid
from ..domain.labels import LabelMap, Structure
from ..domain.mesh import OrganMesh
from ..domain.twin import Twin
from .plan_summary import plans_summary


def twin_summary(twin: Twin) -> dict[str, Any]:
    """JSON-able: numbers unrounded, absent = None, nothing that names the patient."""
    return {
        "case_id": twin.case_id,
        "grid": grid_summary(twin.labels.grid),
        "revision": twin.revision.number,
        "revision_state": str(twin.revision.state),
        "operated_side": str(twin.operated_side) or None,
        "images": [
            {
                "id": image.image_id,
                "role": image.role,
                "modality": str(image.volume.modality),
                "series_description": image.volume.source.description,
                "content_sha256": image.volume.source.content_sha256,
                "grid": grid_summary(image.volume.grid),
            }
            for image in twin.images
        ],
        "provenance": asdict(twin.provenance),
        "confidence": confidence_summary(twin.confidence),
        "structures": [structure_summary(twin.labels, s, twin.mesh(s.name), twin) for s in twin.structures],
        "findings": [finding_as_json(f) for f in twin.findings],
        "plans": plans_summary(twin),
    }


def grid_summary(grid: Grid) -> dict[str, Any]:
    return {
        "shape_kji": list(grid.shape),
        "spacing_ijk_mm": list(grid.spacing),
        "origin_lps_mm": grid.origin.tolist(),
        "lps_from_ijk": grid.lps_from_ijk.tolist(),
        "axes": grid.axis_codes,
        "is_oblique": grid.is_oblique,
        "voxel_volume_mm3": grid.voxel_volume_mm3,
    }


def structure_summary(
    labels: LabelMap, s: Structure, mesh: OrganMesh | None, twin: Twin | None = None
) -> dict[str, Any]:
    return {
        "name": s.name,
        "label": s.label,
        "layer": s.layer,
        "code": s.code.value if s.code else None,
        "code_scheme": s.code.scheme if s.code else None,
        "code_meaning": s.code.meaning if s.code else None,
        "laterality": s.laterality.meaning if s.laterality else None,
        "colour": list(s.colour),
        "part_of": s.part_of or None,
        "origin": s.origin,
        "accepted": (s.name in twin.accepted) if twin is not None else None,
        "voxels": labels.voxels(s),
        "volume_ml": labels.volume_ml(s),
        "volume_interval": interval_summary(twin.volume_interval(s.name)) if twin is not None else None,
        "with_parts_ml": labels.with_parts_ml(s),
        "mesh": mesh_summary(mesh),
    }


def interval_summary(interval: VolumeInterval | None) -> dict[str, Any] | None:
    if interval is None:
        return None
    return {
        "low_ml": interval.low_ml,
        "high_ml": interval.high_ml,
        "level": interval.level,
        "is_cut_by_edge": interval.is_cut,
    }


def confidence_summary(confidence: ConfidenceMap | None) -> dict[str, Any] | None:
    if confidence is None:
        return None
    return {
        "is_calibrated": confidence.is_calibrated,
        "method": confidence.method,
        "grid": grid_summary(confidence.grid),
    }


def mesh_summary(mesh: OrganMesh | None) -> dict[str, Any] | None:
    if mesh is None:
        return None
    quality = asdict(mesh.quality) if mesh.quality is not None else {}
    return {
        "triangles": len(mesh.triangles),
        "watertight": quality.get("is_watertight"),
        "manifold": quality.get("is_manifold"),
        "volume_ml": mesh.volume_ml,
        "area_mm2": mesh.area_mm2,
        "euler_number": quality.get("euler_number"),
        "pieces": quality.get("pieces"),
        "deviation_mean_mm": quality.get("deviation_mean_mm"),
        "deviation_max_mm": quality.get("deviation_max_mm"),
    }
