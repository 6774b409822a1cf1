"""A proposed revision before a person's eyes: both images on one another, how places moved, figures, and the answer."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSplitter, QVBoxLayout, QWidget

from surgtwin.domain.twin import Twin
from surgtwin.errors import TwinError

from ..panels.labels import ElidedLabel, horizontal_line, text_label
from ..planning.worker import LatestWorker
from ..state import AppState
from ..views.scene_view import SceneView
from ..views.view_frame import ViewFrame
from .arrows import arrow_places, arrows_actors
from .kept_view import look_alike
from .overlay import LaidImages
from .overlay_view import OverlayView
from .proposal_figures import ConsequencesSection, GatesSection, MotionTable, scrolled

IMAGES = "laid images"
ARROWS = "arrows: blue near, yellow 20 mm"
SEEN_THROUGH = 0.35
"""Surfaces are no denser: the arrows inside have to be seen."""
POINTS = "No image carried this revision: points on a surface did."


class ProposalPage(QFrame):
    """Stands where the views stand; call `dispose` before it is dropped.

    Parameters
    ----------
    obstacle
        Why it can't be accepted now, beside its gates; empty if nothing but a person's answer is missing.
    """

    accepted = Signal()
    rejected = Signal()
    put_off = Signal()

    def __init__(
        self, base: Twin, proposed: Twin, worker: LatestWorker, seen_from: SceneView | None, obstacle: str = ""
    ) -> None:
        super().__init__()
        self.setObjectName("sidePanel")
        self.base, self.proposed, self._worker = base, proposed, worker
        self.overlay: OverlayView | None = None
        self._state = AppState()
        self._state.open_twin(proposed, read_only=True)
        self.scene = SceneView(self._state)
        if seen_from is not None:
            self._like(seen_from)
        self._images = QVBoxLayout()
        self._waiting = text_label("The images are laid on one another\u2026", "quiet")
        self._images.addWidget(self._waiting, 0, Qt.AlignmentFlag.AlignCenter)
        self.reason = text_label(role="violated", wrap=True)
        self.accept = QPushButton("Accept")
        self.accept.setProperty("role", "primary")
        self.accept.clicked.connect(self.accepted)
        self.reject = QPushButton("Reject")
        self.reject.clicked.connect(self.rejected)
        self.later = QPushButton("Decide later")
        self.later.clicked.connect(self.put_off)
        self._lay_out()
        self._add_arrows()
        self.set_obstacle(obstacle)
        self._ask_images()

    def set_obstacle(self, obstacle: str) -> None:
        """What keeps it from being accepted, told beside the button that it disables."""
        registration = self.proposed.registration
        failed = [g.message for g in registration.gates if not g.is_passed] if registration is not None else []
        reasons = [*failed, *([obstacle] if obstacle else [])]
        self.accept.setEnabled(not reasons)
        self.reason.setText(f"It can't be accepted: {' '.join(reasons)}" if reasons else "")
        self.accept.setToolTip(self.reason.text() or "It becomes the revision that counts; plans are carried along")

    def dispose(self) -> None:
        self._worker.drop(IMAGES)
        if self.overlay is not None:
            self.overlay.stop()
        self.scene.dispose()

    def _ask_images(self) -> None:
        base, proposed = self.base, self.proposed
        registration = proposed.registration
        if registration is None or not registration.image_id:
            self._waiting.setText(POINTS)
            return
        self._worker.ask(IMAGES, lambda *_: LaidImages(base, proposed), self._show_images, self._fail)

    def _show_images(self, images: LaidImages) -> None:
        self._waiting.hide()
        self.overlay = OverlayView(images, self._worker)
        self._images.addWidget(self.overlay, 1)

    def _fail(self, error: BaseException) -> None:
        told = str(error) if isinstance(error, TwinError) else f"The images could not be shown: {error}"
        self._waiting.setText(told)

    def _like(self, seen_from: SceneView) -> None:
        """The same camera, and the same structures in the same colours."""
        look_alike(self._state, seen_from.state, SEEN_THROUGH)
        self.scene.look_like(seen_from)

    def _add_arrows(self) -> None:
        registration = self.proposed.registration
        if registration is None:
            return
        shown = frozenset(n for n in self._state.structure_names() if self._state.visible(n))
        places, vectors = arrow_places(self.base.meshes, registration, shown)
        if len(places):
            for actor in arrows_actors(places, vectors):
                self.scene.renderer.AddActor(actor)

    def _lay_out(self) -> None:
        number = self.proposed.revision.number
        head = QHBoxLayout()
        head.setContentsMargins(12, 8, 12, 4)
        title = ElidedLabel(f"Revision {number} is proposed: {self.proposed.revision.cause}", "title", least_width=120)
        head.addWidget(title, 1)
        images = QWidget()
        images.setLayout(self._images)
        self._images.setContentsMargins(12, 0, 4, 0)
        frame = ViewFrame("3d", f"3D, revision {number}", self.scene)
        frame.set_detail(ARROWS)
        upper = QSplitter(Qt.Orientation.Horizontal)
        upper.setChildrenCollapsible(False)
        for widget in (images, frame):
            upper.addWidget(widget)
        upper.setSizes([1000, 1000])
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(upper, 3)
        column.addWidget(horizontal_line())
        column.addLayout(self._figures(), 2)
        column.addWidget(horizontal_line())
        column.addLayout(self._answers())

    def _figures(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(0)
        registration = self.proposed.registration
        if registration is not None:
            row.addWidget(MotionTable(registration), 4)
            row.addWidget(scrolled(GatesSection(registration)), 4)
        row.addWidget(scrolled(ConsequencesSection(self.proposed)), 3)
        return row

    def _answers(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(12, 4, 12, 8)
        row.setSpacing(8)
        row.addWidget(self.reason, 1)
        for button in (self.later, self.reject, self.accept):
            row.addWidget(button)
        return row
