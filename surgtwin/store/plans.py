"""The plans kept with a twin, without its images: quick to read, however large the twin is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..domain.plan_shelf import PlanShelf
from ..domain.saved_plan import PlanStatus, SavedPlan
from ..domain.twin import Revision
from .blobs import BlobStore
from .codec_plan import decode_shelf
from .disk_errors import explain_disk_errors
from .journal import read_state
from .known_objects import KnownObjects
from .load import read_steadily


@dataclass(frozen=True)
class KeptPlans:
    """The plans of a twin, and the revision that counts; asked like a `Twin`."""

    case_id: str
    revision: Revision
    shelf: PlanShelf

    @property
    def plans(self) -> tuple[SavedPlan, ...]:
        """Without removed ones."""
        return self.shelf.plans

    def plan_status(self, plan: SavedPlan) -> PlanStatus:
        """As `Twin.plan_status`."""
        return plan.status(self.revision.number, self.revision.counts)


def load_plans(path: Path) -> KeptPlans:
    """The plans of a twin. Writes nothing; reads the log and the plans' blobs only, each checked by its hash.

    Raises
    ------
    TwinError, DiskError
        As `load_twin`, but for damage to images, labels and meshes, which is not looked for.
    """
    return read_steadily(path, _load)


def _load(twin: Path) -> KeptPlans:
    with explain_disk_errors("read the twin", twin):
        state = read_state(twin)
        shelf = decode_shelf(state.plans, BlobStore(twin), KnownObjects())
        return KeptPlans(state.case_id, state.revision().revision, shelf)
