"""What Live mode knows: the sources, the tool that is followed and the way it should take. Lives on the main thread."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QObject, Qt, QTimer, Signal

from surgtwin.domain.trajectory import Trajectory
from surgtwin.live.address import parse_address
from surgtwin.live.freshness import STALE_S
from surgtwin.live.guidance import Guidance, ToolPlace
from surgtwin.live.tool_tip import ToolTip, TrackerToImage
from surgtwin.settings import with_live_source

from ..kept_settings import KeptSettings
from ..planning.book import PlanBook
from ..state import AppState
from .guiding import Guiding
from .link import Calibration, LiveLink
from .seen import NOTHING_SEEN, ToolSeen, see_tool

MODE = "live"
TICK_MS = 16
"""How often the newest pose is looked at: once a frame of a common screen."""
HEALTH_S = 0.5
SLICES_S = 0.1
"""Slices that follow the tip are cut no more often: three of them cost more than a frame."""
FRAMES_KEPT = 600


class LiveDesk(QObject):
    """Sources stay connected while another mode is on the screen; only Live mode draws what they send."""

    links_changed = Signal()
    """Which sources there are, what they send, or how they are calibrated."""
    chosen_changed = Signal()
    """Another tool or another way is followed."""
    tool_changed = Signal()
    """What is seen of the tool."""
    guidance_changed = Signal()
    """Its figures came, or were withheld."""
    health_changed = Signal()
    images_changed = Signal()
    """A tracked frame came, or became old."""

    def __init__(self, state: AppState, book: PlanBook, kept: KeptSettings, parent: QObject) -> None:
        super().__init__(parent)
        self.state, self.book, self._kept = state, book, kept
        self.links: tuple[LiveLink, ...] = ()
        self.guiding = Guiding(self)
        self.guiding.ready.connect(self._on_guidance)
        self.follows_tip = False
        self._link: LiveLink | None = None
        self._device = ""
        self._way = ("", "")
        self._seen = NOTHING_SEEN
        self._ghost: ToolPlace | None = None
        self._guidance: Guidance | None = None
        self._guidance_of_s = 0.0
        self._devices: tuple[tuple[str, ...], ...] = ()
        self._health_at = self._slices_at = 0.0
        self.drawn = 0
        self._drawn_s, self._frames = 0.0, deque[float](maxlen=FRAMES_KEPT)
        self._timer = QTimer(self, interval=TICK_MS)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        state.twin_changed.connect(self._on_twin)
        for signal in (book.plan_changed, book.drafts_changed):
            signal.connect(self._on_plans)

    # --- sources

    @property
    def case_id(self) -> str:
        return self.state.twin.case_id if self.state.twin is not None else ""

    @property
    def is_open(self) -> bool:
        """Whether Live mode is on the screen."""
        return self.state.mode == MODE

    def connect_to(self, address: str) -> LiveLink:
        """Follow a source from now on; one that is followed already stays. Raises SourceError for no address."""
        host, port = parse_address(address)
        known = next((k for k in self.links if (k.source.host, k.source.port) == (host, port)), None)
        if known is not None:
            return known
        link = LiveLink(host, port, self.case_id)
        self._kept.change(live_sources=with_live_source(self._kept.now, link.name))
        self.links = (*self.links, link)
        if self._link is None:
            self._link = link
        self._timer.start()
        self.links_changed.emit()
        return link

    def disconnect_from(self, link: LiveLink) -> None:
        self.links = tuple(k for k in self.links if k is not link)
        if self._link is link:
            self._link, self._device, self._devices = (self.links[0] if self.links else None), "", ()
        link.close()
        if not self.links:
            self._timer.stop()
        self._look()
        self.links_changed.emit()
        self.chosen_changed.emit()

    def calibrate(self, link: LiveLink, calibration: Calibration) -> None:
        """Another reference, registration or tip: figures begin anew."""
        link.calibration = calibration
        if link.pair is not None and link.pair.first != calibration.reference:
            link.watch("")
        self._ghost = None
        self._prepare()
        self._look()
        self.links_changed.emit()

    def register(self, link: LiveLink, registration: TrackerToImage | None, *, sends_places: bool = False) -> None:
        """How a source lies to the image of the open patient."""
        changed = replace(link.calibration, registration=registration, sends_places=sends_places, case_id=self.case_id)
        self.calibrate(link, changed)

    def set_reference(self, link: LiveLink, device: str) -> None:
        """The marker that is fixed to the patient; a registration against another one is void."""
        if device != link.calibration.reference:
            self.calibrate(link, replace(link.calibration, reference=device, registration=None))

    def set_tip(self, link: LiveLink, device: str, tip: ToolTip) -> None:
        self.calibrate(link, replace(link.calibration, tips={**link.calibration.tips, device: tip}))

    # --- the tool and its way

    @property
    def link(self) -> LiveLink | None:
        """Where the tool comes from that is followed."""
        return self._link

    @property
    def device(self) -> str:
        return self._device

    def follow(self, link: LiveLink | None, device: str) -> None:
        """Another tool is the one that counts."""
        if (link, device) != (self._link, self._device):
            self._link, self._device, self._ghost = link, device, None
            self._prepare()
            self._look()
            self.chosen_changed.emit()

    @property
    def ways(self) -> tuple[tuple[str, Trajectory], ...]:
        """Every planned straight way with its plan's name."""
        return tuple((d.name, way) for d in self.book.drafts for way in d.plan.trajectories)

    @property
    def way(self) -> Trajectory | None:
        """The planned way that is followed, as it is planned now."""
        return next((way for plan, way in self.ways if (plan, way.name) == self._way), None)

    @property
    def way_name(self) -> tuple[str, str]:
        """Plan and way; empty for none."""
        return self._way

    def choose_way(self, plan: str, name: str) -> None:
        if (plan, name) != self._way:
            self._way = (plan, name)
            self._prepare()
            self.chosen_changed.emit()

    # --- what is seen

    @property
    def seen(self) -> ToolSeen:
        return self._seen

    @property
    def ghost(self) -> ToolPlace | None:
        """Where the tool was last seen, while it is not."""
        return None if self._seen.is_shown else self._ghost

    @property
    def guidance(self) -> Guidance | None:
        """The figures of the tool; None while they are withheld or not there yet."""
        is_fresh = time.monotonic() - self._guidance_of_s <= STALE_S
        return self._guidance if self._seen.is_shown and is_fresh else None

    @property
    def notice(self) -> str:
        """Why there are no figures, or what must be known beside them."""
        if not self._seen.is_shown:
            return self._seen.reason
        return self.guiding.problem or ("" if self.guidance is not None else "The figures are worked out.")

    def note_drawn(self, arrived_s: float) -> None:
        """A pose is on the screen now: how long that took is kept."""
        if arrived_s > self._drawn_s:
            self._drawn_s = arrived_s
            self.drawn += 1
            self._frames.append(time.monotonic() - arrived_s)

    def forget_drawn(self) -> None:
        """Measure anew how long poses take to the screen."""
        self._frames.clear()

    @property
    def to_screen_ms(self) -> tuple[float, float] | None:
        """Median and 95 % of the time from a pose's arrival to its picture; None before there was one."""
        if not self._frames:
            return None
        median, p95 = np.percentile(np.array(self._frames) * 1000.0, [50, 95])
        return float(median), float(p95)

    def close(self) -> None:
        """The program ends."""
        self._timer.stop()
        for link in self.links:
            link.close()
        self.guiding.close()

    # --- moment by moment

    def _tick(self) -> None:
        now = time.monotonic()
        happened = [link.note(now) for link in self.links]
        self._notice_devices()
        self._look(now)
        if self._guidance is not None and now - self._guidance_of_s > STALE_S:
            self._withhold()
        if any(happened) or now - self._health_at >= HEALTH_S:
            self._health_at = now
            self.health_changed.emit()
        if self.is_open and any(link.source.image_devices for link in self.links):
            self.images_changed.emit()

    def _notice_devices(self) -> None:
        devices = tuple((*link.source.devices, *link.source.image_devices) for link in self.links)
        if devices == self._devices:
            return
        self._devices = devices
        if not self._device:
            first = next(((link, link.tools[0]) for link in self.links if link.tools), None)
            if first is not None:
                self.follow(*first)
        self.links_changed.emit()

    def _look(self, now_s: float | None = None) -> None:
        now = time.monotonic() if now_s is None else now_s
        before, link = self._seen, self._link
        self._seen = NOTHING_SEEN if link is None else see_tool(link, self._device, now)
        place = self._seen.place
        if place is not None:
            self._ghost = place
            self.guiding.ask(place, self._seen)
        elif before.is_shown:
            self._withhold()
        if before.look != self._seen.look:
            self._follow_with_slices(place, now)
            self.tool_changed.emit()

    def _follow_with_slices(self, place: ToolPlace | None, now_s: float) -> None:
        if self.follows_tip and self.is_open and place is not None and now_s - self._slices_at >= SLICES_S:
            self._slices_at = now_s
            self.state.set_cursor(place.tip_mm)

    def _on_guidance(self, guidance: Guidance, arrived_s: float) -> None:
        self._guidance, self._guidance_of_s = guidance, arrived_s
        self.guidance_changed.emit()

    def _withhold(self) -> None:
        """Figures of a pose that is too old, or of a tool that is not seen, are nobody's."""
        self._guidance = None
        self.guidance_changed.emit()

    # --- the twin and its plans

    def _on_twin(self) -> None:
        for link in self.links:
            link.calibration = link.calibration.for_case(self.case_id)
        self._ghost = None
        self._prepare()
        self._look()
        self.links_changed.emit()

    def _on_plans(self) -> None:
        ways = self.ways
        if self._way not in [(plan, way.name) for plan, way in ways]:
            self._way = (ways[0][0], ways[0][1].name) if len(ways) == 1 else ("", "")
        if self.guiding.way != self.way:
            self._prepare()
        self.chosen_changed.emit()

    def _prepare(self) -> None:
        error_mm = self._link.calibration.error_mm(self._device) if self._link is not None else 0.0
        self.guiding.prepare(self.state.twin, self.way, error_mm)
        self._withhold()
