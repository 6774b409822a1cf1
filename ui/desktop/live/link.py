"""One live source that a person connected, and how its poses become places in the twin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from surgtwin.domain.geometry import FloatArray
from surgtwin.live.drift import FixedPair
from surgtwin.live.freshness import Freshness
from surgtwin.live.listening import Setup
from surgtwin.live.source import Happening, TrackedSource
from surgtwin.live.tool_tip import ToolTip, TrackerToImage

MOST_HAPPENINGS = 50


@dataclass(frozen=True, eq=False)
class Carrier:
    """A tracked probe, and where the pixels of its image are in the frame of its marker, (4, 4)."""

    device: str
    probe_from_image: FloatArray


@dataclass(frozen=True, eq=False)
class Calibration:
    """What is known of a source's poses.

    Parameters
    ----------
    reference
        Device of the marker that is fixed to the patient; "" for none.
    registration
        How its tracker (or the reference) lies to the image; None while nobody has registered it.
    sends_places
        A person says that its poses are places in the image already (RAS): nothing has to be registered.
    case_id
        Of the patient that the registration was made on.
    tips
        Device -> its tip.
    carriers
        Device of an image -> how it is fixed to the probe that carries it; others say their place themselves.
    """

    reference: str = ""
    registration: TrackerToImage | None = None
    sends_places: bool = False
    case_id: str = ""
    tips: Mapping[str, ToolTip] = field(default_factory=dict)
    carriers: Mapping[str, Carrier] = field(default_factory=dict)

    @property
    def is_registered(self) -> bool:
        return self.sends_places or self.registration is not None

    @property
    def setup(self) -> Setup:
        matrix = None if self.registration is None else self.registration.transform.matrix
        return Setup(self.reference, matrix, self.tips)

    def error_mm(self, device: str) -> float:
        """Standard error of a tool's tip by registration and calibration."""
        own = self.setup.tip(device).error_mm
        return float((own**2 + (0.0 if self.registration is None else self.registration.tre_mm) ** 2) ** 0.5)

    def for_case(self, case_id: str) -> Calibration:
        """The same on another patient: a registration holds for one patient only."""
        if case_id == self.case_id:
            return self
        return replace(self, registration=None, sends_places=False, case_id=case_id)


class LiveLink:
    """A source and its calibration; asked on the main thread, the source reads on a thread of its own."""

    def __init__(self, host: str, port: int, case_id: str) -> None:
        self.source = TrackedSource(host, port)
        self.calibration = Calibration(case_id=case_id)
        self.happenings: list[Happening] = []
        self.trouble = ""
        self.pair: FixedPair | None = None
        self.source.__enter__()

    @property
    def name(self) -> str:
        """ "host:port"."""
        return self.source.name

    @property
    def tools(self) -> tuple[str, ...]:
        """Devices that can be followed: all that send poses, but the reference."""
        return tuple(d for d in self.source.devices if d != self.calibration.reference)

    def close(self) -> None:
        self.source.__exit__()

    def watch(self, device: str) -> None:
        """A marker that should not move against the reference from now on; "" for none."""
        self.pair = FixedPair(self.calibration.reference, device) if device and self.calibration.reference else None

    def note(self, now_s: float) -> bool:
        """Take in what happened since the last call; True if there was something."""
        found = self.source.happened()
        for happening in found:
            if happening.kind == "connected":
                self.trouble = ""
            elif happening.kind == "closed":
                self.trouble = happening.text
        self.happenings = [*self.happenings, *(h for h in found if h.kind != "image")][-MOST_HAPPENINGS:]
        self._watch_pair(now_s)
        return bool(found)

    def _watch_pair(self, now_s: float) -> None:
        if self.pair is None:
            return
        names = (self.pair.first, self.pair.second)
        first, second = (self.source.pose(name) for name in names)
        is_fresh = all(self.source.freshness(name, now_s)[0] is Freshness.LIVE for name in names)
        if first is not None and second is not None and is_fresh:
            self.pair.put(first.matrix, second.matrix)
