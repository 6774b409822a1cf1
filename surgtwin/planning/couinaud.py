"""The liver's segments after Couinaud, proposed from the names that a person gave to portal branches.

A proposal only: which branch is which, and where its territory ends, is for a person to confirm.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..domain.cut import TerritoryMethod
from .organ_vessel import OrganVessel
from .territory import OTHERS, share_out
from .tissue import Tissue

SEGMENTS = ("I", "II", "III", "IV", "IVa", "IVb", "V", "VI", "VII", "VIII")
BY_NUMBER = {"1": "I", "2": "II", "3": "III", "4": "IV", "5": "V", "6": "VI", "7": "VII", "8": "VIII"}
SECTORS = {
    "right anterior": ("V", "VIII"),
    "right posterior": ("VI", "VII"),
    "left lateral": ("II", "III"),
    "left medial": ("IV",),
    "caudate": ("I",),
    "right": ("V", "VI", "VII", "VIII"),
    "left": ("II", "III", "IV"),
}
"""Second-order branches stand for all of their segments (Brisbane 2000 terminology), the longer name first."""
_SEGMENT = re.compile(r"^(?:p|s|seg|segment|segments)?[\s.\-_]*((?:[ivx]+|[1-8])[ab]?)$")
TOUCHED_ML = 0.05
TOUCHED_SHARE = 0.02
"""A tumour lies in a segment that holds at least this much of it, and this share: less is the border's error."""


@dataclass(frozen=True)
class Segment:
    """A proposed segment, or several that their branch's name does not tell apart ("VI/VII")."""

    name: str
    branches: tuple[str, ...]
    ml: float
    ambiguous_ml: float


@dataclass(frozen=True, eq=False)
class SegmentProposal:
    """A liver's segments as proposed; the volumes add up to the liver's exactly.

    Parameters
    ----------
    index
        (N,) for each voxel of the tissue, the number of its segment.
    unnamed_ml
        Liver nearest to branches whose names say no segment.
    """

    tissue: Tissue
    segments: tuple[Segment, ...]
    index: NDArray[np.int16]
    unnamed_ml: float
    ambiguous_ml: float

    def lies_in(self, mask: NDArray[np.bool_]) -> str:
        """The segments that a structure lies in, in Couinaud's order, e.g. "VI/VII"; empty if in none with a name.

        Parameters
        ----------
        mask
            [k, j, i] of the structure on the tissue's grid.
        """
        i, j, k = self.tissue.ijk.T
        inside = mask[k, j, i]
        count = np.bincount(self.index[inside], minlength=len(self.segments))
        least = max(TOUCHED_SHARE * float(count.sum()), TOUCHED_ML / self.tissue.grid.voxel_volume_ml)
        # A structure that is smaller than the threshold lies in the one segment that holds most of it.
        held = [n for n in range(len(self.segments)) if count[n] >= least] or (
            [int(count.argmax())] if count.any() else []
        )
        names = {part for n in held for part in self.segments[n].name.split("/") if part in SEGMENTS}
        return "/".join(s for s in SEGMENTS if s in names)


def segments_of_name(branch: str) -> tuple[str, ...]:
    """The segments that a branch's name stands for: "P6", "segment VI", "IVa", "right posterior"; () for any other.

    Names that the program gives itself ("1", "1.2") are none: they say no anatomy.
    """
    name = re.sub(r"\s+", " ", branch.strip().lower())
    if re.fullmatch(r"\d+(\.\d+)*", name):
        return ()
    plain = re.sub(r"\b(portal|vein|branch|sector|section|of|the)\b", " ", name)
    plain = re.sub(r"\s+", " ", plain).strip()
    parts = re.split(r"\s*[/+&,]\s*", plain)
    found = [_segment(part) for part in parts]
    if all(found):
        return tuple(s for s in SEGMENTS if s in found)
    return SECTORS.get(plain, ())


def _segment(part: str) -> str:
    fits = _SEGMENT.match(part)
    if fits is None:
        return ""
    digits = fits.group(1)
    base, half = (digits[:-1], digits[-1]) if digits[-1] in "ab" else (digits, "")
    base = BY_NUMBER.get(base, base.upper())
    name = base + half
    return name if name in SEGMENTS else ""


def propose_segments(
    tissue: Tissue,
    vessel: OrganVessel,
    vessel_mask: NDArray[np.bool_],
    *,
    method: TerritoryMethod = TerritoryMethod.NEAREST,
    ambiguity_mm: float,
) -> SegmentProposal | None:
    """A liver's segments from the names of portal branches; None if no name says a segment.

    Parameters
    ----------
    vessel
        The portal vein, its branches named by a person.
    """
    named = {b: "/".join(segments_of_name(b)) for b in vessel.graph.names}
    branches = [b for b, segment in named.items() if segment and vessel.has_inside(frozenset(vessel.graph.edges_of(b)))]
    if not branches:
        return None
    shared = share_out(tissue, vessel, branches, vessel_mask, method=method, ambiguity_mm=ambiguity_mm)
    of_part = [named.get(p.name, "") if p.name != OTHERS else "" for p in shared.parts]
    names = _in_order(of_part)
    number = np.array([names.index(s) for s in of_part], dtype=np.int16)
    segments = tuple(
        Segment(
            name,
            tuple(p.name for p, s in zip(shared.parts, of_part, strict=True) if s == name and s),
            sum(p.ml for p, s in zip(shared.parts, of_part, strict=True) if s == name),
            sum(p.ambiguous_ml for p, s in zip(shared.parts, of_part, strict=True) if s == name),
        )
        for name in names
    )
    unnamed = sum(s.ml for s in segments if not s.name)
    return SegmentProposal(tissue, segments, number[shared.index], unnamed, shared.ambiguous_ml)


def _in_order(names: Iterable[str]) -> list[str]:
    """Each name once, by its first segment; the empty one last."""
    return sorted(set(names), key=lambda n: (n == "", SEGMENTS.index(n.split("/")[0]) if n else 0, n))
