"""What is shown of a tool path only on request: the space it sweeps, and what its port reaches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from surgtwin.domain.plan import ToolPath
from surgtwin.errors import PlanError
from surgtwin.progress import Progress

from .clip import Shape
from .path_reach import Reach, reach_of
from .path_swept import swept_shape

if TYPE_CHECKING:
    from .desk import PlanDesk
    from .path_desk import PathDesk

SWEPT, REACH = "swept", "reach"


class PathExtras(QObject):
    """Computed by the paths' own worker, and dropped as soon as they are of another path."""

    changed = Signal()

    def __init__(self, desk: PlanDesk, paths: PathDesk) -> None:
        super().__init__(paths)
        self._desk, self._paths = desk, paths
        self.shows_swept = False
        self.problem = ""
        self._swept: tuple[ToolPath, Shape] | None = None
        self._asked: ToolPath | None = None
        self._reach: Reach | None = None
        self._done: float | None = None
        paths.moment_changed.connect(self._follow)

    @property
    def swept(self) -> Shape | None:
        """The swept space of the path as it is now; None while it is not wanted, or not known."""
        known = self._swept
        return known[1] if self.shows_swept and known is not None and known[0] is self._paths.path else None

    @property
    def reach(self) -> Reach | None:
        """The reach through the port as it is now."""
        path, known = self._paths.path, self._reach
        if path is None or known is None or known.path.name != path.name:
            return None
        return known if (known.path.trocar_mm, known.path.tool) == (path.trocar_mm, path.tool) else None

    @property
    def done(self) -> float | None:
        """How far the reach map is, 0 to 1; None while none is made."""
        return self._done

    def show_swept(self, on: bool) -> None:
        self.shows_swept = on
        self._follow()
        self.changed.emit()

    def start_reach(self, structure: str) -> None:
        """Paint what the tip reaches of a structure."""
        path, geometry = self._paths.path, self._desk.geometry
        if path is None or geometry is None:
            return
        self._reach, self._done, self.problem = None, 0.0, ""

        def work(progress: Progress, tell: Callable[[Any], None]) -> Reach:
            def stops() -> bool:
                progress.check()
                return False

            return reach_of(geometry, path, structure, Progress(lambda done, _stage: tell(done), stops))

        self._paths.worker.ask(REACH, work, self._take_reach, self._on_error)
        self.changed.emit()

    def forget_reach(self) -> None:
        """Give the map up, or take it off."""
        self._paths.worker.drop(REACH)
        self._reach, self._done, self.problem = None, None, ""
        self.changed.emit()

    def on_twin(self) -> None:
        self._paths.worker.drop(SWEPT)
        self._swept, self._asked = None, None
        self.forget_reach()

    def _take_reach(self, said: Reach | float) -> None:
        if isinstance(said, Reach):
            self._reach, self._done = said, None
        else:
            self._done = said
        self.changed.emit()

    def _follow(self) -> None:
        """Sweep the path once the hand has let go of it."""
        path = self._paths.path
        if not self.shows_swept or path is None or self._paths.live is not None or path is self._asked:
            return
        self._asked = asked = path

        def take(shape: Shape) -> None:
            self._swept = (asked, shape)
            self.changed.emit()

        self._paths.worker.ask(SWEPT, lambda progress, _: swept_shape(asked, progress), take, self._on_error)

    def _on_error(self, error: BaseException) -> None:
        self._done = None
        if isinstance(error, PlanError):
            self.problem = error.reason[:1].upper() + error.reason[1:]
        else:
            self._desk.tell_fault(error)
        self.changed.emit()
