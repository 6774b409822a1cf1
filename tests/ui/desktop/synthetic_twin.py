"""A small twin on an oblique, anisotropic grid, made without a network: ellipsoids as organs."""

from __future__ import annotations

import numpy as np

from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.patient import Patient
from surgtwin.domain.structure_table import structure_for
from surgtwin.domain.twin import Provenance, Revision, RevisionState, Twin, TwinImage
from surgtwin.domain.volume import Modality, SourceInfo, Volume
from surgtwin.mesh.extract import extract_meshes

PATIENT = Patient("QX-774411", "", "Zyxwholm^Ottoline", "19610412", "F")
MADE_UTC = "2026-03-01T10:42:00+00:00"

# name, centre and radii (mm, LPS, from the grid's middle), HU
ORGANS = (
    ("body", (0, 0, 0), (150, 105, 190), 20.0),
    ("liver", (-55, -15, 25), (62, 55, 50), 110.0),
    ("liver tumour", (-70, -20, 35), (14, 14, 14), 60.0),
    ("portal vein", (-30, 0, 15), (36, 7, 7), 190.0),
    ("spleen", (85, 25, 40), (22, 30, 38), 120.0),
    ("right kidney", (-60, 45, -45), (22, 22, 42), 160.0),
    ("left kidney", (60, 45, -35), (22, 22, 42), 160.0),
    ("aorta", (10, 40, 0), (10, 10, 170), 220.0),
    ("bone", (0, 78, 0), (20, 18, 170), 600.0),
)


def make_grid(shape: tuple[int, int, int] = (40, 56, 64)) -> Grid:
    turn = np.radians(8.0)
    direction = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1.0]])
    spacing = (320.0 / shape[2], 230.0 / shape[1], 400.0 / shape[0])
    origin = np.array([11.5, -23.0, -140.0]) - direction @ (np.array(shape[::-1]) * spacing / 2)
    return Grid.from_axes(shape, origin, direction, spacing)


def make_twin(without: tuple[str, ...] = (), shape: tuple[int, int, int] = (40, 56, 64)) -> Twin:
    """The twin, leaving out the organs named."""
    grid = make_grid(shape)
    k, j, i = np.indices(grid.shape)
    places = grid.to_lps(np.stack([i, j, k], axis=-1)) - grid.center()
    values = np.full(grid.shape, -1000.0)
    inner, body = np.zeros(grid.shape, np.uint8), np.zeros(grid.shape, np.uint8)
    structures, methods = [], {}
    for n, (name, centre, radii, hu) in enumerate(ORGANS, start=1):
        if name in without:
            continue
        inside = (((places - np.array(centre)) / np.array(radii)) ** 2).sum(axis=-1) < 1.0
        values[inside] = hu
        (body if name == "body" else inner)[inside] = n
        structures.append(structure_for(n, name, layer=1 if name == "body" else 0, origin="network"))
        methods[name] = "classical: threshold" if name in ("body", "bone") else "network ct_abdomen 1.0"
    values += np.random.default_rng(7).normal(0, 12, grid.shape)
    source = SourceInfo("synthetic", "0" * 64, "Abdomen portal venous 5.0")
    volume = Volume(grid, values.astype(np.int16), Modality.CT, source, PATIENT)
    labels = LabelMap(grid, (inner, body), tuple(structures))
    findings = (
        Finding("tilt", Severity.INFO, "The gantry was tilted by 8.0 degrees; nothing had to be resampled."),
        Finding("kidney-cut", Severity.WARNING, "The left kidney reaches the last slice: its volume is a lower bound.",
                structure="left kidney"),
        Finding("gap", Severity.ERROR, "There is a 10.0 mm gap between slices 12 and 13. Do not plan across it.",
                where_mm=tuple(float(v) for v in grid.center())),
    )  # fmt: skip
    return Twin(
        "case-7f3a91",
        (TwinImage("image-1", "primary", volume),),
        labels,
        extract_meshes(labels),
        Revision(1, None, "built from the primary image", RevisionState.ACCEPTED, MADE_UTC),
        Provenance(MADE_UTC, "surgtwin test", {"image-1": "0" * 64}, methods),
        findings=findings,
    )
