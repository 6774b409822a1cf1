"""An organ's tissue by the branches of a vessel, and what a cut takes of each part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class TerritoryShare:
    """One territory, or one proposed segment; resected + remnant = whole exactly.

    Parameters
    ----------
    ambiguous_ml
        Of the whole, what is so nearly as close to another branch that it may belong there.
    """

    name: str
    ml: float
    resected_ml: float
    ambiguous_ml: float

    @property
    def remnant_ml(self) -> float:
        return self.ml - self.resected_ml

    @property
    def resected_percent(self) -> float:
        return 100.0 * self.resected_ml / self.ml if self.ml > 0 else 0.0


@dataclass(frozen=True)
class TerritoryShares:
    """An organ's tissue by the branches of one vessel; the volumes add up to the organ's.

    Parameters
    ----------
    are_segments
        Whether the parts are a liver's segments, proposed from the branches' names and for a person to confirm.
    """

    vessel: str
    are_segments: bool
    parts: tuple[TerritoryShare, ...]


@dataclass(frozen=True, eq=False)
class SharedTissue:
    """Which part each voxel (N,) of an organ's tissue belongs to, before any cut.

    Parameters
    ----------
    names, ambiguous_ml
        Of the parts, in the order of `index`'s numbers, and how much of each is in doubt.
    """

    are_segments: bool
    names: tuple[str, ...]
    ambiguous_ml: tuple[float, ...]
    index: NDArray[np.int16]

    def shares(self, vessel: str, share: NDArray[np.float32], voxel_ml: float) -> TerritoryShares:
        """What is taken of each part, given each voxel's share (N,) on the resected side."""
        count = len(self.names)
        whole = np.bincount(self.index, minlength=count) * voxel_ml
        taken = np.minimum(np.bincount(self.index, weights=share, minlength=count) * voxel_ml, whole)
        parts = tuple(
            TerritoryShare(name, float(whole[n]), float(taken[n]), self.ambiguous_ml[n])
            for n, name in enumerate(self.names)
        )
        return TerritoryShares(vessel, self.are_segments, parts)


def territory_shares_as_json(shares: tuple[TerritoryShares, ...]) -> list[dict[str, Any]]:
    """All figures, unrounded; segments are a proposal that no person has confirmed."""
    return [
        {
            "vessel": s.vessel,
            "kind": "segments" if s.are_segments else "territories",
            "confirmed": False,
            "parts": [
                {
                    "name": p.name,
                    "ml": p.ml,
                    "resected_ml": p.resected_ml,
                    "remnant_ml": p.remnant_ml,
                    "resected_percent": p.resected_percent,
                    "ambiguous_ml": p.ambiguous_ml,
                }
                for p in s.parts
            ],
        }
        for s in shares
    ]
