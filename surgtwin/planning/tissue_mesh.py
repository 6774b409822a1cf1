"""The closed surface around an organ's tissue, of however many structures it was put together."""

from __future__ import annotations

import numpy as np

from ..domain.labels import LabelMap, Structure
from ..domain.mesh import OrganMesh
from ..errors import MeshError, PlanError
from ..mesh.extract import extract_meshes
from .tissue import Tissue

TISSUE_COLOUR = (221, 130, 101)


def mesh_of_tissue(tissue: Tissue) -> OrganMesh:
    """One closed surface around tissue. Raises PlanError if none can be made."""
    name = " + ".join(tissue.names)
    whole = LabelMap(tissue.grid, (tissue.mask().astype(np.uint8),), (Structure(1, name, TISSUE_COLOUR),))
    try:
        return extract_meshes(whole)[0]
    except MeshError as error:
        raise PlanError(f"no surface could be made of {name}: {error}") from error
