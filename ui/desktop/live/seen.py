"""What is seen of a tracked tool at a moment, and in plain words why nothing is shown where nothing is."""

from __future__ import annotations

from dataclasses import dataclass

from surgtwin.errors import SourceError
from surgtwin.live.freshness import Freshness
from surgtwin.live.guidance import SHOWN, ToolPlace
from surgtwin.live.listening import joint_freshness

from .link import LiveLink

NOT_REGISTERED = "The tracker is not registered to the patient's image: see Register."
NO_TOOL = "No tool has been seen yet."
NO_SOURCE = "No tracker is connected."


@dataclass(frozen=True)
class ToolSeen:
    """A tool at a moment.

    Parameters
    ----------
    place
        Where it is; None while that is withheld.
    reason
        Why it is withheld; empty if it is not.
    arrived_s
        When its pose came, s of the monotonic clock.
    """

    freshness: Freshness
    age_s: float | None = None
    place: ToolPlace | None = None
    reason: str = ""
    arrived_s: float = 0.0

    @property
    def is_shown(self) -> bool:
        return self.place is not None

    @property
    def look(self) -> tuple[object, ...]:
        """What of it is on the screen: it is drawn anew where this changes; an age is told while it is stale."""
        tenths = None if self.age_s is None or self.freshness is not Freshness.STALE else round(10 * self.age_s)
        return self.place, self.reason, self.freshness, tenths


NOTHING_SEEN = ToolSeen(Freshness.LOST, reason=NO_SOURCE)


def see_tool(link: LiveLink, device: str, now_s: float) -> ToolSeen:
    """A device of a source at a time of the monotonic clock."""
    pose = link.source.pose(device) if device else None
    if pose is None:
        return ToolSeen(Freshness.LOST, reason=_away(link) or NO_TOOL)
    calibration = link.calibration
    setup = calibration.setup
    freshness, age_s = joint_freshness(link.source, setup, device, now_s)
    if freshness not in SHOWN:
        return ToolSeen(freshness, age_s, reason=_why_old(link, device, now_s), arrived_s=pose.arrived_s)
    if not calibration.is_registered:
        return ToolSeen(freshness, age_s, reason=NOT_REGISTERED, arrived_s=pose.arrived_s)
    reference = link.source.pose(setup.reference) if setup.reference else None
    try:
        matrix = setup.lps_from_marker(device, pose.matrix, None if reference is None else reference.matrix)
    except SourceError as error:
        return ToolSeen(freshness, age_s, reason=str(error), arrived_s=pose.arrived_s)
    return ToolSeen(freshness, age_s, ToolPlace.of(matrix, setup.tip(device)), arrived_s=pose.arrived_s)


def _away(link: LiveLink) -> str:
    return "" if link.source.is_open else f"There is no connection to {link.name}; it is tried again and again."


def _why_old(link: LiveLink, device: str, now_s: float) -> str:
    away, reference = _away(link), link.calibration.reference
    if away:
        return away
    if reference and link.source.freshness(reference, now_s)[0] not in SHOWN:
        return f"The patient's reference marker '{reference}' is not visible."
    return f"The tool '{device}' is not visible."
