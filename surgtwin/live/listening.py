"""Several live sources followed on one twin: what is to be told, moment by moment, and what must not be told."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..domain.geometry import FloatArray, RigidTransform
from ..errors import GeometryError, SourceError
from .frames import LPS, LPS_FROM_RAS_TRANSFORM, RAS, FrameGraph, frames_of_name
from .freshness import Freshness
from .guidance import SHOWN, Guidance, Guide, ToolPlace
from .source import Happening, TrackedSource
from .tool_tip import ToolTip

IMAGES_TOLD_S = 1.0


@dataclass(frozen=True)
class Setup:
    """How poses of one source become places in the twin.

    Parameters
    ----------
    reference
        Device of a marker that is fixed to the patient; poses of others are taken relative to it. "" for none.
    lps_from_tracker
        (4, 4) from the reference marker's frame, else the tracker's, to the twin's LPS; None: its poses are RAS.
    tips
        Device -> its tip; "" for all others.
    """

    reference: str = ""
    lps_from_tracker: FloatArray | None = None
    tips: Mapping[str, ToolTip] = field(default_factory=dict)

    def tip(self, device: str) -> ToolTip:
        return self.tips.get(device, self.tips.get("", ToolTip()))

    def lps_from_marker(self, device: str, pose: FloatArray, reference: FloatArray | None) -> FloatArray:
        """Where a device's marker is in the twin, (4, 4).

        Raises
        ------
        SourceError
            If its frames and those of the reference do not meet.
        """
        frame, tracker = frames_of_name(device) or (f"marker {device}", RAS if not self.reference else "tracker")
        transforms = [RigidTransform(tracker, frame, pose)]
        base = tracker
        if reference is not None:
            base, own = frames_of_name(self.reference) or (f"marker {self.reference}", "tracker")
            transforms.append(RigidTransform(own, base, reference))
        if self.lps_from_tracker is None:
            transforms.append(RigidTransform(LPS, base, LPS_FROM_RAS_TRANSFORM.matrix))
        else:
            transforms.append(RigidTransform(LPS, base, self.lps_from_tracker))
        try:
            return FrameGraph(transforms).between(frame, LPS).matrix
        except GeometryError as error:
            raise SourceError(f"The pose of '{device}' can't be brought to the patient: {error}") from error


@dataclass(frozen=True)
class LiveEvent:
    """One thing to tell.

    Parameters
    ----------
    kind
        "pose", "freshness", or a `Happening`'s kind.
    guidance
        Of a pose; of a change of freshness without any number.
    """

    kind: str
    source: str
    device: str = ""
    text: str = ""
    guidance: Guidance | None = None


class Listener:
    """Asks its sources again and again, and says what is new.

    Parameters
    ----------
    setups
        One for each source.
    """

    def __init__(self, sources: Sequence[TrackedSource], setups: Sequence[Setup], guide: Guide) -> None:
        self._followed = list(zip(sources, setups, strict=True))
        self._guide = guide
        self._told: dict[tuple[str, str], Freshness] = {}
        self._last: dict[tuple[str, str], float] = {}
        self._refused: set[tuple[str, str]] = set()
        self._images: Counter[tuple[str, str]] = Counter()
        self._images_told: dict[tuple[str, str], float] = {}

    def tick(self, now_s: float | None = None) -> Iterator[LiveEvent]:
        """What is to be told since the last call, at a time of the monotonic clock; now if not given."""
        for source, setup in self._followed:
            for happening in source.happened():
                yield from self._happening(source, happening)
            now = time.monotonic() if now_s is None else now_s
            for device in source.devices:
                if device != setup.reference:
                    yield from self._device(source, setup, device, now)

    def _happening(self, source: TrackedSource, happening: Happening) -> Iterator[LiveEvent]:
        key = (source.name, happening.device)
        if happening.kind == "image":
            self._images[key] += 1
            if happening.arrived_s - self._images_told.get(key, -np.inf) < IMAGES_TOLD_S:
                return
            self._images_told[key] = happening.arrived_s
            text = f"{happening.text} pixels, {self._images.pop(key)} since the last line"
            yield LiveEvent("image", source.name, happening.device, text)
            return
        yield LiveEvent(happening.kind, source.name, happening.device, happening.text)

    def _device(self, source: TrackedSource, setup: Setup, device: str, now_s: float) -> Iterator[LiveEvent]:
        key, pose = (source.name, device), source.pose(device)
        if pose is None:
            return
        freshness, age_s = joint_freshness(source, setup, device, now_s)
        before = self._told.get(key)
        # A slow tracker is late between any two poses: that is no news, and every pose says it.
        if before is None or (freshness is not before and not {freshness, before} <= set(SHOWN)):
            self._told[key] = freshness
            text = f"{freshness.value}" if before is None else f"{before.value} -> {freshness.value}"
            yield LiveEvent("freshness", source.name, device, text, Guidance(freshness, age_s))
        if freshness not in SHOWN or self._last.get(key) == pose.arrived_s:
            return
        self._last[key] = pose.arrived_s
        reference = source.pose(setup.reference) if setup.reference else None
        try:
            matrix = setup.lps_from_marker(device, pose.matrix, None if reference is None else reference.matrix)
        except SourceError as error:
            if key not in self._refused:
                self._refused.add(key)
                yield LiveEvent("refused", source.name, device, str(error))
            return
        place = ToolPlace.of(matrix, setup.tip(device))
        yield LiveEvent("pose", source.name, device, "", self._guide.at(place, freshness, age_s))


def joint_freshness(source: TrackedSource, setup: Setup, device: str, now_s: float) -> tuple[Freshness, float | None]:
    """What may be shown of a device and its pose's age; the worse of it and its reference marker counts.

    A tool seen against a reference that is not seen is nowhere.
    """
    found = source.freshness(device, now_s)
    if not setup.reference:
        return found
    order = list(Freshness)
    return max(found, source.freshness(setup.reference, now_s), key=lambda one: order.index(one[0]))
