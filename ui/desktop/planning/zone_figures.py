"""The figures of a plan's treated zones as the panel asks for them: nearly while the hand moves, then exactly."""

from __future__ import annotations

from dataclasses import dataclass, field

from surgtwin.domain.plan import Plan
from surgtwin.domain.trajectory import Ablation
from surgtwin.planning.ablation import AblationResult
from surgtwin.planning.evaluation import PlanEvaluation
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.planning.zone_preview import preview_zones

from .pictures import PictureMaker
from .zone_pictures import ZonePicture, zone_pictures


@dataclass(frozen=True, eq=False)
class ZoneFigures:
    """What is known of the zones.

    Parameters
    ----------
    alone, together
        Each zone by its name, and all zones of a target by the target's name.
    pictures
        Their shapes, with what they are coloured by.
    """

    alone: dict[str, AblationResult] = field(default_factory=dict)
    together: dict[str, AblationResult] = field(default_factory=dict)
    pictures: tuple[ZonePicture, ...] = ()

    def picture(self, name: str) -> ZonePicture | None:
        return next((p for p in self.pictures if p.ablation.name == name), None)


class ZoneFigureMaker:
    """Keeps what did not change since it was last asked. One thread at a time."""

    def __init__(self, geometry: TwinGeometry, maker: PictureMaker) -> None:
        self._geometry, self._maker = geometry, maker
        self._known: dict[tuple[Ablation, ...], AblationResult] = {}
        self._drawn: tuple[tuple[Ablation, ...], tuple[ZonePicture, ...]] = ((), ())

    def quick(self, plan: Plan) -> ZoneFigures:
        """Nearly the figures. Raises PlanError for a zone that does not fit the twin."""
        if not plan.ablations:
            return ZoneFigures()
        groups = {a.target: tuple(b for b in plan.ablations if b.target == a.target) for a in plan.ablations}
        wanted = {*((a,) for a in plan.ablations), *groups.values()}
        self._known = {
            zones: self._known.get(zones) or preview_zones(self._geometry, zones) for zones in sorted(wanted, key=len)
        }
        alone = {a.name: self._known[(a,)] for a in plan.ablations}
        together = {target: self._known[zones] for target, zones in groups.items()}
        return ZoneFigures(alone, together, self.pictures(plan))

    def exact(self, evaluation: PlanEvaluation) -> ZoneFigures:
        """The last word on them, as the plan was evaluated."""
        alone = {r.name: r for r in evaluation.ablations}
        together = {r.target: r for r in evaluation.ablations_combined}
        return ZoneFigures(alone, together, self.pictures(evaluation.plan))

    def pictures(self, plan: Plan) -> tuple[ZonePicture, ...]:
        if self._drawn[0] != plan.ablations:
            self._drawn = (plan.ablations, zone_pictures(self._maker, plan.ablations))
        return self._drawn[1]
