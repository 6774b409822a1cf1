"""What a report is about: a twin, who may be named, and the plans that were judged on it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..domain.labels import LabelMap
from ..domain.saved_plan import text_sha256
from ..domain.twin import Twin
from ..planning.evaluation import PlanEvaluation
from ..planning.plan_versions import plan_text
from ..planning.scorecard import Scorecard, scorecard
from ..planning.settings import DEFAULT_PLANNING, PlanningSettings
from ..planning.twin_geometry import TwinGeometry


@dataclass(frozen=True, eq=False)
class ReportedTwin:
    """A twin as it stands in a report.

    Parameters
    ----------
    log_sha256
        Head of the twin's log when it was read; empty if the twin is not on disk.
    made_utc
        When the report is made, ISO 8601: the only thing in it that changes from run to run.
    with_identity
        Whether the patient's name, number, birth date and sex stand in the report; only when a person asked for it.
    """

    twin: Twin
    made_utc: str
    log_sha256: str = ""
    with_identity: bool = False

    @cached_property
    def contours_sha256(self) -> str:
        return labels_sha256(self.twin.labels)


@dataclass(frozen=True, eq=False)
class ReportedPlan:
    """A judged plan as it stands in a report.

    Parameters
    ----------
    status
        Whether and by whom it is approved; empty for a plan that the twin does not keep.
    """

    name: str
    geometry: TwinGeometry
    evaluation: PlanEvaluation
    settings: PlanningSettings = DEFAULT_PLANNING
    status: str = ""

    @cached_property
    def scorecard(self) -> Scorecard:
        return scorecard(self.evaluation, self.settings)

    @property
    def sha256(self) -> str:
        """Content hash: the same plan has the same one, here and in the twin's log."""
        return text_sha256(plan_text(self.evaluation.plan))


def labels_sha256(labels: LabelMap) -> str:
    """SHA-256 of a label map: grid, every voxel, and which structure each label is."""
    digest = hashlib.sha256(np.ascontiguousarray(labels.grid.lps_from_ijk, dtype="<f8").tobytes())
    names = sorted((s.layer, s.label, s.name) for s in labels.structures)
    digest.update(json.dumps(names, ensure_ascii=True).encode())
    for layer in labels.layers:
        digest.update(json.dumps(layer.shape).encode())
        digest.update(np.ascontiguousarray(layer, dtype="<u2").tobytes())
    return digest.hexdigest()
