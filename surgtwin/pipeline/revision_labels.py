"""A revision's labels with the image they lie on: that of the first revision, or the one that carried them."""

from __future__ import annotations

from pathlib import Path

from ..domain.labels import LabelMap
from ..domain.twin import Twin
from ..domain.volume import Volume
from ..errors import TwinError
from ..live.carry import carry_labels
from ..store.load import load_twin


def labels_on_base(twin: Twin) -> tuple[LabelMap, Volume]:
    """The labels as the revision holds them."""
    return twin.labels, twin.image(twin.labels_on).volume


def labels_on_new_image(path: Path, twin: Twin) -> tuple[LabelMap, Volume]:
    """The labels on the grid of the image that carried the revision, taken there in one step.

    Raises
    ------
    TwinError
        If no image carried the revision.
    """
    registration = twin.registration
    if registration is None or not registration.image_id:
        raise TwinError(f"Revision {twin.revision.number} was not carried by a new image; it has the base grid only.")
    image = twin.image(registration.image_id)
    base = load_twin(path, revision=registration.base_revision)
    carried = carry_labels(
        base.labels, registration.field.inverse(), grid=image.volume.grid, twin_from_grid=image.twin_from_image
    )
    return carried, image.volume
