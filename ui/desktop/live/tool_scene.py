"""Live mode in the 3D view: the tool, its planned way, tracked frames, and figures for one who stands far."""

from __future__ import annotations

import time

from PySide6.QtCore import QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter
from PySide6.QtWidgets import QWidget

from surgtwin.domain.verdict import Verdict
from surgtwin.live.freshness import STALE_S
from ui.render.palette import ACCENT, QUIET, TEXT, VERDICT_COLOURS, Rgb

from ..views.painting_guest import PaintingGuest
from ..views.scene_view import SceneView
from ..views.slice_overlay import GAP
from .desk import LiveDesk
from .frames_shown import picture_of, place_of_frame
from .guidance_words import headline, state_word
from .tool_props import FrameProp, ToolProp, WayProp

STILL_MS = 400
"""After the last motion, until the full picture is drawn."""
LARGE_SHARE, SMALL_SHARE = 0.085, 0.045
LEAST_PX, MOST_PX = 16, 72
UNDER_LETTER = 34.0


class ToolScene(PaintingGuest):
    """A guest of the 3D view that takes no mouse."""

    def __init__(self, view: SceneView, desk: LiveDesk) -> None:
        super().__init__(view)
        self._view, self._desk = view, desk
        self._tool, self._way = ToolProp(), WayProp()
        self._frames: dict[str, FrameProp] = {}
        self._frame_times: dict[str, tuple[float, bool]] = {}
        for actor in (*self._tool.actors, *self._way.actors):
            view.renderer.AddActor(actor)
        self._still = QTimer(self, singleShot=True, interval=STILL_MS)
        self._still.timeout.connect(self._rest)
        self._is_moving = False
        view.guests.add(self)
        desk.tool_changed.connect(self.refresh)
        desk.guidance_changed.connect(self.refresh)
        desk.chosen_changed.connect(self.refresh)
        desk.images_changed.connect(self._show_frames)
        desk.links_changed.connect(self._show_frames)
        desk.state.mode_changed.connect(self._on_mode)
        self.refresh()

    def refresh(self) -> None:
        """The tool where it is now, as a ghost where it was, or not at all."""
        desk = self._desk
        if not desk.is_open:
            return
        place, ghost = desk.seen.place, desk.ghost
        if place is not None:
            self._tool.show(place, self._colour(), is_ghost=False)
            self._move()
        elif ghost is not None:
            self._tool.show(ghost, QUIET, is_ghost=True)
        else:
            self._tool.hide()
        self._way.show(desk.way)
        self._view.render_soon()

    def _colour(self) -> Rgb:
        """Of the worst limit that is not surely kept."""
        guidance = self._desk.guidance
        verdicts = {limit.verdict for limit in guidance.limits} if guidance is not None else set()
        worst = next((v for v in (Verdict.VIOLATED, Verdict.UNPROVEN) if v in verdicts), None)
        return VERDICT_COLOURS[worst.value] if worst is not None else ACCENT

    def _move(self) -> None:
        """While the tool moves and a processor draws, what is quick is drawn."""
        if self._view.is_software:
            # Said again every time: light surfaces may be ready only now, and a hand that lets go ends its own motion.
            self._is_moving = True
            self._view.set_in_motion(True)
        self._still.start()

    def _rest(self) -> None:
        if self._is_moving:
            self._is_moving = False
            self._view.set_in_motion(False)

    def _on_mode(self) -> None:
        if self._desk.is_open:
            self.refresh()
            self._show_frames()
            return
        self._still.stop()
        self._rest()
        self._tool.hide()
        self._way.show(None)
        for frame in self._frames.values():
            frame.hide()
        self._frame_times.clear()
        self._view.redraw()

    # --- tracked frames

    def _show_frames(self) -> None:
        desk, now, there = self._desk, time.monotonic(), set()
        if not desk.is_open:
            return
        for link in desk.links:
            for device in link.source.image_devices:
                key, found = f"{link.name} {device}", link.source.image(device)
                place = None if found is None else place_of_frame(link, device, found)
                if found is None or place is None:
                    continue
                there.add(key)
                is_old = now - found.arrived_s > STALE_S or not link.source.is_open
                if self._frame_times.get(key) != (found.arrived_s, is_old):
                    self._frame_times[key] = (found.arrived_s, is_old)
                    self._frame(key).show(picture_of(found.image), place, is_old=is_old)
                    self._view.render_soon()
        for key in set(self._frames) - there:
            self._frames[key].hide()
            self._frame_times.pop(key, None)

    def _frame(self, key: str) -> FrameProp:
        if key not in self._frames:
            self._frames[key] = FrameProp()
            self._view.renderer.AddActor(self._frames[key].image)
        return self._frames[key]

    # --- over the picture

    def paint(self, view: QWidget, painter: QPainter) -> None:
        """One line that can be read across the room, and how fresh it is."""
        desk = self._desk
        if not desk.is_open or desk.link is None:
            return
        desk.note_drawn(desk.seen.arrived_s if desk.seen.is_shown else 0.0)
        word, role = state_word(desk.seen)
        line = headline(desk.guidance)
        text = line or word
        font = fitting_font(painter.font(), text, view.width(), LARGE_SHARE if line else SMALL_SHARE)
        painter.setFont(font)
        metrics = QFontMetricsF(font)
        room = QRectF(0.0, 0.0, metrics.horizontalAdvance(text) + 3 * GAP, metrics.height() + GAP)
        room.moveTop(UNDER_LETTER)
        room.moveLeft((view.width() - room.width()) / 2.0)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(16, 18, 22, 190))
        painter.drawRoundedRect(room, 6, 6)
        painter.setPen(QColor(*(TEXT if line else _COLOURS[role])))
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter, text)


def fitting_font(like: QFont, text: str, width: float, share: float) -> QFont:
    """As large as a share of the width wants it, or smaller where the text would not fit."""
    font = QFont(like)
    font.setWeight(QFont.Weight.DemiBold)
    pixels = round(min(max(width * share, LEAST_PX), MOST_PX))
    font.setPixelSize(pixels)
    needed = QFontMetricsF(font).horizontalAdvance(text) + 4 * GAP
    if needed > width:
        font.setPixelSize(max(LEAST_PX, int(pixels * width / needed)))
    return font


_COLOURS: dict[str, Rgb] = {
    "safe": VERDICT_COLOURS["safe"],
    "unproven": VERDICT_COLOURS["unproven"],
    "violated": (0xF0, 0x80, 0x80),
    "quiet": QUIET,
}
