"""The whole abdomen as one list of paints, from the outside in: what comes later wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .bowel import paint_colon, paint_small_bowel
from .deformation import Deformation
from .frame import Build
from .liver import Tumour, paint_liver, paint_portal_stem, paint_tumours
from .painting import Paint
from .person import Person, random_person
from .shapes import Below, Common, Ellipsoid, Grown, Shape
from .skeleton import paint_hips, paint_ribs, paint_spine
from .thorax import paint_thorax
from .upper_abdomen import (
    GAS_HU,
    paint_adrenals,
    paint_duodenum,
    paint_great_vessels,
    paint_kidneys,
    paint_oesophagus,
    paint_pancreas,
    paint_spleen,
    paint_stomach,
)
from .wall import Wall, paint_back, paint_wall, wall_of


@dataclass(frozen=True)
class Anatomy:
    """One invented person, ready to be painted.

    Parameters
    ----------
    skin
        Everything inside is the body (layer 1).
    """

    person: Person
    build: Build
    skin: Shape
    paints: tuple[Paint, ...]


def make_anatomy(seed: int, spread: float, tumours: Sequence[Tumour], deformation: Deformation) -> Anatomy:
    """The person of that seed. `spread` 0 gives the standard build and average HU, 1 the usual variety."""
    person = random_person(_rng(seed, 1), spread)
    build = Build.random(_rng(seed, 2), spread)
    wall = wall_of(person)
    paints = [
        *paint_wall(wall, person, _rng(seed, 3)),
        *paint_thorax(wall, person, _rng(seed, 4)),
        *_paint_gas_of_insufflation(wall, deformation),
        *paint_small_bowel(Grown(wall.cavity, -2.0), person, _rng(seed, 5)),
        *paint_colon(person, _rng(seed, 6)),
        *paint_spleen(wall, person, _rng(seed, 7)),
        *paint_stomach(person, _rng(seed, 8)),
        *paint_liver(wall, person, _rng(seed, 9)),
        *paint_kidneys(person, _rng(seed, 10)),
        *paint_duodenum(person, _rng(seed, 11)),
        *paint_adrenals(person),
        *paint_great_vessels(person),
        *paint_portal_stem(person),
        *paint_pancreas(person, _rng(seed, 12)),
        *paint_oesophagus(person),
        *paint_back(person, _rng(seed, 13)),
        *paint_spine(_rng(seed, 14)),
        *paint_hips(_rng(seed, 15)),
        *paint_ribs(wall.cavity),
        *paint_tumours(tumours, person, build, _rng(seed, 16)),
    ]
    return Anatomy(person, build, wall.skin, tuple(paints))


def _rng(seed: int, part: int) -> np.random.Generator:
    """Each part draws from its own stream, so that a change of one leaves the others alone."""
    return np.random.default_rng([seed, part])


def _paint_gas_of_insufflation(wall: Wall, deformation: Deformation) -> list[Paint]:
    """A film of gas behind the anterior wall, which the deformation stretches to the pneumoperitoneum."""
    if deformation.name != "insufflation":
        return []
    film = Ellipsoid((0, -78, -5), (80, 18, 95))
    under_wall = Common((Grown(wall.cavity, -1.5), film, Below((0, -62, 0), (0, 1, 0))))
    return [Paint(under_wall, GAS_HU, 0)]
