"""Frames of reference by name, and the way from one to another through those that are known."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np

from ..domain.geometry import RigidTransform
from ..errors import GeometryError
from .igtl_fields import LPS_FROM_RAS

LPS, RAS = "lps", "ras"
LPS_FROM_RAS_TRANSFORM = RigidTransform(LPS, RAS, LPS_FROM_RAS)


def frames_of_name(name: str) -> tuple[str, str] | None:
    """From- and to-frame of a transform's name: "StylusToTracker" is ("Stylus", "Tracker"); None for other names."""
    left, middle, right = name.partition("To")
    return (left, right) if middle and left and right and right[0].isupper() else None


class FrameGraph:
    """Named frames and the rigid transforms between them; a way is found through any number of them, either way round.

    A frame has one place only: a transform that closes a loop is refused, since two ways could then differ.

    Parameters
    ----------
    transforms
        Each from its `from_frame` to its `to_frame`.

    Raises
    ------
    GeometryError
        If two frames would be joined by two ways, or a frame with itself.
    """

    def __init__(self, transforms: Iterable[RigidTransform] = ()) -> None:
        self._edges: dict[str, dict[str, RigidTransform]] = {}
        for transform in transforms:
            self._join(transform)

    @property
    def frames(self) -> tuple[str, ...]:
        return tuple(sorted(self._edges))

    def joined(self, *transforms: RigidTransform) -> FrameGraph:
        """This graph and further transforms. Raises GeometryError as the constructor does."""
        graph = FrameGraph()
        graph._edges = {frame: dict(edges) for frame, edges in self._edges.items()}
        for transform in transforms:
            graph._join(transform)
        return graph

    def between(self, from_frame: str, to_frame: str) -> RigidTransform:
        """The transform from one frame to another. Raises GeometryError naming the frames that can be reached."""
        found = {from_frame: RigidTransform(from_frame, from_frame, np.eye(4))}
        waiting = deque([from_frame])
        while waiting and to_frame not in found:
            frame = waiting.popleft()
            for further, step in self._edges.get(frame, {}).items():
                if further not in found:
                    found[further] = found[frame].then(step)
                    waiting.append(further)
        if to_frame not in found:
            near = ", ".join(sorted(found))
            raise GeometryError(f"No way leads from the frame '{from_frame}' to '{to_frame}'; it leads to: {near}.")
        return found[to_frame]

    def is_joined(self, from_frame: str, to_frame: str) -> bool:
        """Whether a way leads from one frame to another."""
        try:
            self.between(from_frame, to_frame)
        except GeometryError:
            return False
        return True

    def _join(self, transform: RigidTransform) -> None:
        a, b = transform.from_frame, transform.to_frame
        if a == b or self.is_joined(a, b):
            raise GeometryError(f"The frames '{a}' and '{b}' are joined already: two ways between them could differ.")
        self._edges.setdefault(a, {})[b] = transform
        self._edges.setdefault(b, {})[a] = transform.inverse()
