"""What a twin refuses to be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from surgtwin.domain.confidence import VolumeInterval
from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.mesh import OrganMesh
from surgtwin.domain.patient import Patient
from surgtwin.domain.structure_table import structure_for
from surgtwin.domain.twin import Provenance, Revision, RevisionState, Side, Twin, TwinImage
from surgtwin.domain.volume import Modality, SourceInfo, Volume
from surgtwin.errors import ImageError, TwinError
from tests.conftest import make_oblique_grid
from tests.domain.test_mesh_type import OUTWARD, TETRAHEDRON


def make_volume(grid: Grid, patient: Patient | None = None) -> Volume:
    return Volume(grid, np.zeros(grid.shape, np.int16), Modality.CT, SourceInfo("synthetic", "0"), patient or Patient())


def make_twin() -> Twin:
    grid = make_oblique_grid((5, 6, 7))
    layer = np.zeros(grid.shape, np.uint8)
    layer[1:3, 1:3, 1:3] = 6
    return Twin(
        "case-1",
        (TwinImage("image-1", "primary", make_volume(grid, Patient("1", "A"))),),
        LabelMap(grid, (layer,), (structure_for(6, "liver"),)),
        (OrganMesh("liver", TETRAHEDRON, OUTWARD, (1, 2, 3)),),
        Revision(1, None, "built", RevisionState.ACCEPTED, "2026-01-01T00:00:00+00:00"),
        Provenance("2026-01-01T00:00:00+00:00", "surgtwin"),
    )


def test_a_twin_finds_its_meshes_and_images():
    twin = make_twin()
    assert twin.mesh("liver") is twin.meshes[0]
    assert twin.mesh("spleen") is None
    assert twin.with_side(Side.RIGHT).operated_side is Side.RIGHT
    with pytest.raises(TwinError, match="image-1"):
        twin.image("image-7")


def test_labels_must_lie_on_their_image():
    other = make_oblique_grid((5, 6, 8))
    labels = LabelMap(other, (np.zeros(other.shape, np.uint8),), ())
    with pytest.raises(TwinError, match="grid"):
        replace(make_twin(), labels=labels)


def test_images_of_two_patients_are_refused():
    twin = make_twin()
    stranger = TwinImage("image-2", "mr", make_volume(make_oblique_grid(), Patient("2", "A")))
    with pytest.raises(TwinError, match="one patient"):
        replace(twin, images=(*twin.images, stranger))


def test_meshes_must_belong_to_a_structure():
    with pytest.raises(TwinError, match="stray"):
        replace(make_twin(), meshes=(OrganMesh("stray", TETRAHEDRON, OUTWARD, (1, 2, 3)),))


def test_the_first_image_is_the_primary_one():
    with pytest.raises(TwinError, match="primary"):
        replace(make_twin(), images=())


def test_a_volume_must_have_its_grids_shape():
    grid = make_oblique_grid((5, 6, 7))
    with pytest.raises(ImageError):
        Volume(grid, np.zeros((5, 6, 8), np.int16), Modality.CT, SourceInfo("synthetic", "0"))
    with pytest.raises(ImageError):
        Volume(grid, np.zeros(grid.shape, complex), Modality.CT, SourceInfo("synthetic", "0"))


def test_a_volume_interval_is_shown_only_while_the_structure_is_as_it_was_measured():
    twin = make_twin()
    volume = twin.labels.volume_ml(twin.labels.structure("liver"))
    interval = VolumeInterval("liver", volume, 0.9 * volume, 1.2 * volume, 0.9)
    measured = replace(twin, volume_intervals=(interval,))
    assert measured.volume_interval("liver") is interval
    assert measured.volume_interval("spleen") is None and twin.volume_interval("liver") is None
    layer = np.array(twin.labels.layers[0])
    layer[3, 3, 3] = 6
    edited = replace(measured, labels=LabelMap(twin.labels.grid, (layer,), twin.labels.structures))
    assert edited.volume_interval("liver") is None
    with pytest.raises(TwinError, match="two volume intervals"):
        replace(twin, volume_intervals=(interval, interval))
