"""What a cut is about before it is laid: the organ, what is to be taken out of it, and with which margin."""

from __future__ import annotations

from dataclasses import dataclass

from surgtwin.domain.cut import CutSurface
from surgtwin.domain.labels import Structure
from surgtwin.domain.plan import Resection
from surgtwin.domain.structure_rows import ABNORMAL
from surgtwin.domain.twin import Twin
from ui.render.appearance import is_bone, is_outer, standard_name

FIRST_ORGAN = "liver"
MARGIN_MM = 10.0


@dataclass(frozen=True)
class CutChoice:
    """Organ, targets and margin of a cut; no organ where nothing can be planned on."""

    organ: str = ""
    targets: tuple[str, ...] = ()
    margin_mm: float = MARGIN_MM

    def resection(self, name: str, surface: CutSurface) -> Resection:
        return Resection(name, self.organ, surface, (), self.targets, self.margin_mm)


def is_abnormal(structure: Structure) -> bool:
    """A tumour, a lesion, a cyst: what one takes out."""
    return structure.code is not None and structure.code.value in ABNORMAL


def organs_of(twin: Twin) -> tuple[str, ...]:
    """What can be cut: found, and neither skin nor something that is taken out of an organ; bones last."""
    there = [s for s in twin.structures if twin.labels.voxels(s) and not is_outer(s) and not is_abnormal(s)]
    return tuple(s.name for s in sorted(there, key=lambda s: (standard_name(s) != FIRST_ORGAN, is_bone(s))))


def targets_of(twin: Twin, organ: str) -> tuple[str, ...]:
    """What can be a target in an organ: everything abnormal, that of the organ itself first."""
    there = [s for s in twin.structures if twin.labels.voxels(s) and is_abnormal(s)]
    return tuple(s.name for s in sorted(there, key=lambda s: s.part_of != organ))


def choice_for(twin: Twin, organ: str, margin_mm: float = MARGIN_MM) -> CutChoice:
    """An organ with all that is abnormal in it as targets."""
    own = tuple(s.name for s in twin.structures if twin.labels.voxels(s) and is_abnormal(s) and s.part_of == organ)
    return CutChoice(organ, own, margin_mm)


def first_choice(twin: Twin) -> CutChoice:
    """The liver if it was found, else the first organ that holds something abnormal, else the first."""
    organs = organs_of(twin)
    if not organs:
        return CutChoice()
    holders = [s.part_of for s in twin.structures if is_abnormal(s) and twin.labels.voxels(s)]
    liver = next((o for o in organs if standard_name(twin.labels.structure(o)) == FIRST_ORGAN), "")
    return choice_for(twin, liver or next((o for o in organs if o in holders), organs[0]))
