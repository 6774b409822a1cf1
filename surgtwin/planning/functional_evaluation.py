"""Adds to the figures of a resection what its cut does to inflow, outflow and territories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..domain.cut import Combination
from .cut_side import CombinedSide
from .functional_remnant import functional_remnant
from .resection import CutOrgan, ResectionResult
from .settings import DEFAULT_PLANNING, PlanningSettings
from .split import split_tissue
from .territory_shares import territory_shares
from .twin_geometry import TwinGeometry


def with_functional(
    geometry: TwinGeometry, result: ResectionResult, cut: CutOrgan, settings: PlanningSettings = DEFAULT_PLANNING
) -> ResectionResult:
    """The figures of one cut with its functional remnant and what it takes of each territory."""
    tumours = geometry.tumours(cut.resection)
    functional = functional_remnant(geometry, result.organ_name, cut.split, cut.side, tumours, settings)
    territories = territory_shares(geometry, result.organ_name, cut.split, settings)
    return replace(result, functional=functional, territories=territories)


def functional_together(
    geometry: TwinGeometry,
    result: ResectionResult,
    cuts: Sequence[CutOrgan],
    settings: PlanningSettings = DEFAULT_PLANNING,
) -> ResectionResult:
    """The figures of several cuts of one organ with the functional remnant and territories after all of them."""
    names = tuple(dict.fromkeys(n for c in cuts for n in c.tissue.names))
    side = CombinedSide(Combination.UNION, tuple(c.side for c in cuts))
    split = split_tissue(geometry.tissue(names), side)
    tumours = tuple(dict.fromkeys(n for c in cuts for n in geometry.tumours(c.resection)))
    functional = functional_remnant(geometry, result.organ_name, split, side, tumours, settings)
    territories = territory_shares(geometry, result.organ_name, split, settings)
    return replace(result, functional=functional, territories=territories)
