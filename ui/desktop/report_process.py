"""A report, judged and drawn in a process of its own: the window keeps its one graphics context to itself."""

from __future__ import annotations

import json
import pickle
import queue
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from surgtwin import errors
from surgtwin.domain.plan import Plan
from surgtwin.domain.twin import Twin
from surgtwin.errors import ResourceError, SurgTwinError
from surgtwin.pipeline.batch_process import Json, WorkerProcess
from surgtwin.progress import Progress

POLL_S = 0.1
"""How soon a person's wish to stop is heard."""
JUDGING_SHARE = 0.4
LOST = "The report was not written: the process that drew it ended. Close other programs and try again."


@dataclass(frozen=True)
class OrderedPlan:
    """A plan as it is on the screen, with its name and, where the twin keeps it so, its state."""

    name: str
    plan: Plan
    status: str = ""


@dataclass(frozen=True, eq=False)
class ReportOrder:
    """What is to be reported: a twin (no plan), a plan, or several side by side.

    Parameters
    ----------
    path
        PDF or HTML by its ending; a file that is there is replaced.
    made_utc
        ISO 8601.
    store
        The twin's folder, whose log is named in the report; None for a twin that is not on the disk.
    """

    twin: Twin
    plans: tuple[OrderedPlan, ...]
    path: Path
    made_utc: str
    store: Path | None = None
    with_identity: bool = False


def write_in_process(order: ReportOrder, progress: Progress) -> Path:
    """Write the report; answers where it is.

    Raises
    ------
    SurgTwinError
        What the writing raised, by kind and words; ResourceError if the process died.
    Cancelled
        When asked to stop; the process is ended, and nothing is left behind.
    """
    progress.update(0.0, "Preparing the report")
    inbox: queue.Queue[tuple[WorkerProcess, Json | None]] = queue.Queue()
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "order"
        kept.write_bytes(pickle.dumps(order, protocol=pickle.HIGHEST_PROTOCOL))
        child = WorkerProcess((sys.executable, "-m", "ui.desktop.report_process"), {"order": str(kept)}, inbox)
        try:
            _follow(inbox, progress)
        finally:
            child.kill()
    return order.path


def _follow(inbox: queue.Queue[tuple[WorkerProcess, Json | None]], progress: Progress) -> None:
    """Hand on what the process says until it has ended well. Raises what it says went wrong."""
    while True:
        progress.check()
        try:
            _, said = inbox.get(timeout=POLL_S)
        except queue.Empty:
            continue
        if said is None:
            raise ResourceError(LOST)
        if said["kind"] == "done":
            return
        if said["kind"] == "error":
            raise known_error(said["error"], said["words"])
        progress.update(said["done"], said["stage"])


def known_error(kind: str, words: str) -> SurgTwinError:
    """The error of that class, as it was raised in the process."""
    found = getattr(errors, kind, SurgTwinError)
    return found(words) if isinstance(found, type) and issubclass(found, SurgTwinError) else SurgTwinError(words)


def main() -> int:
    """In the child: read the order that this program wrote for it, and say on each line how far it is."""
    said = json.loads(sys.stdin.readline())
    order = pickle.loads(Path(said["order"]).read_bytes())  # noqa: S301 - the parent wrote it a moment ago
    try:
        write_ordered(order, Progress(lambda done, stage: _tell(kind="progress", done=done, stage=stage)))
    except SurgTwinError as error:
        _tell(kind="error", error=type(error).__name__, words=str(error))
    else:
        _tell(kind="done")
    return 0


def _tell(**said: object) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def write_ordered(order: ReportOrder, progress: Progress) -> None:
    """Judge the plans and write the report, in this process. Raises as `write_in_process` does."""
    from surgtwin.planning.evaluate import evaluate_plan
    from surgtwin.planning.twin_geometry import TwinGeometry
    from surgtwin.report.comparison import comparison_report
    from surgtwin.report.plan_report import plan_report, twin_report
    from surgtwin.report.subject import ReportedPlan, ReportedTwin
    from surgtwin.store.journal import find_twin, read_state
    from ui.report.write import check_report_path, write_report

    check_report_path(order.path)
    geometry, count = TwinGeometry(order.twin), max(len(order.plans), 1)
    plans = []
    for n, plan in enumerate(order.plans):
        part = progress.part(JUDGING_SHARE * n / count, JUDGING_SHARE * (n + 1) / count, "Judging the plan")
        evaluation = evaluate_plan(geometry, plan.plan, progress=part)
        plans.append(ReportedPlan(plan.name, geometry, evaluation, status=plan.status))
    log = read_state(find_twin(order.store)).head_hash if order.store is not None else ""
    subject = ReportedTwin(order.twin, order.made_utc, log, order.with_identity)
    if not plans:
        report = twin_report(subject)
    else:
        report = plan_report(subject, plans[0]) if len(plans) == 1 else comparison_report(subject, tuple(plans))
    write_report(report, order.twin, order.path, tuple(plans), progress.part(JUDGING_SHARE, 1.0))


if __name__ == "__main__":
    sys.exit(main())
