"""Reports from the window: written in a process of their own, opened, given up; and plans of every kind compared."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from surgtwin.domain.geometry import Point3
from surgtwin.domain.plan import Plan, Resection
from surgtwin.domain.tool import NeedleTool
from surgtwin.domain.trajectory import Ablation, Trajectory
from surgtwin.domain.twin import Twin
from surgtwin.errors import DiskError, InputError, PlanError, SurgTwinError
from surgtwin.planning.compare import compare_plans
from surgtwin.planning.edits import with_entry
from surgtwin.planning.evaluate import evaluate_plan
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.progress import SILENT
from tests.ui.desktop.plan_hand import JOB_MS, enter, middle, wait_exact
from ui.desktop import report_commands
from ui.desktop.main_window import MainWindow
from ui.desktop.planning.compare_chart import charted, differs, spots
from ui.desktop.report_process import OrderedPlan, ReportOrder, known_error, write_in_process, write_ordered

pytestmark = pytest.mark.desktop
NOW = "2026-01-01T00:00:00+00:00"


def place(window: MainWindow, name: str, by: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Point3:
    x, y, z = (float(v) for v in middle(window, name) + np.asarray(by))
    return (x, y, z)


def zone(window: MainWindow, radius: float, name: str = "Zone 1") -> Ablation:
    return Ablation(name, "liver tumour", place(window, "liver tumour"), (0.0, 0.0, 1.0), (radius,) * 3)


def needle(window: MainWindow) -> Trajectory:
    target = place(window, "liver tumour")
    return Trajectory("Needle 1", place(window, "liver tumour", (-70.0, -50.0, 0.0)), target, NeedleTool(0.75, 150.0))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What would be shown by another program."""
    found: list[Path] = []
    monkeypatch.setattr(report_commands, "open_file", found.append)
    return found


def test_a_report_of_the_plan_is_written_and_opened(
    window: MainWindow, qtbot: Any, tmp_path: Path, opened: list[Path]
) -> None:
    panel = enter(window, qtbot)
    window.planning.book.apply(with_entry(Plan(), zone(window, 22.0)), "Add Zone 1")
    wait_exact(window, qtbot)
    assert panel.bar.report.isVisible()
    path = tmp_path / "report.html"
    window.commands.write_report(path)
    qtbot.waitUntil(lambda: bool(opened) or window.notice.isVisible(), timeout=2 * JOB_MS)
    assert opened == [path], window.notice.text.text()
    said = path.read_text(encoding="utf-8")
    assert "Zone 1" in said
    together = window.planning.desk.judged.zones.together["liver tumour"]
    assert f"{together.min_margin_mm:.1f}" in said, "the figures of the screen"
    assert "Zyxwholm" not in said, "nobody asked for the patient's name"
    assert "Report written: report.html" in window.timeline.hint.text()


def test_the_row_asks_where_and_offers_pdf_and_web_page(window: MainWindow, qtbot: Any) -> None:
    enter(window, qtbot)
    window.planning.book.apply(with_entry(Plan(), zone(window, 22.0)), "Add Zone 1")
    dialog = window.commands.ask_report()
    assert "Plan" in dialog.windowTitle()
    assert [f.split(" (")[0] for f in dialog.nameFilters()][:2] == ["PDF", "Web page"]
    dialog.reject()
    row = next(r for r in window.actions_table.rows if r.key == "plan_report")
    assert row.shortcuts == ("Ctrl+R",)


def test_a_report_is_given_up_and_leaves_nothing(
    window: MainWindow, qtbot: Any, tmp_path: Path, opened: list[Path]
) -> None:
    enter(window, qtbot)
    window.planning.book.apply(with_entry(Plan(), zone(window, 22.0)), "Add Zone 1")
    with qtbot.waitSignal(window.jobs.cancelled, timeout=JOB_MS):
        window.commands.write_report(tmp_path / "out" / "report.pdf")
        window.actions_table["cancel"].trigger()
    assert not (tmp_path / "out").exists()
    assert opened == []


def test_what_goes_wrong_in_the_process_is_said_here(twin: Twin, tmp_path: Path) -> None:
    bad = Plan(ablations=(Ablation("Z", "no such thing", (0.0, 0.0, 0.0), (0.0, 0.0, 1.0), (9.0, 9.0, 9.0)),))
    order = ReportOrder(twin, (OrderedPlan("Plan", bad),), tmp_path / "report.html", NOW)
    with pytest.raises(PlanError, match="no such thing"):
        write_in_process(order, SILENT)
    with pytest.raises(InputError, match="none of them"):
        write_ordered(replace(order, path=tmp_path / "report.docx"), SILENT)
    assert list(tmp_path.glob("report*")) == []
    assert isinstance(known_error("DiskError", "full"), DiskError)
    assert type(known_error("SystemExit", "odd")) is SurgTwinError
    assert pickle.loads(pickle.dumps(order)).plans == order.plans


def test_plans_of_needles_and_zones_stand_side_by_side(window: MainWindow, qtbot: Any, tmp_path: Path) -> None:
    enter(window, qtbot)
    book = window.planning.book
    book.apply(with_entry(with_entry(Plan(), zone(window, 22.0)), needle(window)), "Add")
    assert not window.actions_table["plan_compare"].isEnabled()
    book.duplicate()
    book.apply(with_entry(book.plan, zone(window, 17.0)), "Resize")
    window.actions_table.refresh()
    assert window.actions_table["plan_compare"].isEnabled()
    window.actions_table["plan_compare"].trigger()
    qtbot.waitUntil(lambda: window.planning.pane is not None, timeout=JOB_MS)
    pane = window.planning.pane
    assert pane.table.text_of("liver tumour treated", 0) != ""
    margins = [pane.table.text_of("least ablative margin of liver tumour", n) for n in (0, 1)]
    assert margins[0] != margins[1]
    assert pane.scenes[0].camera is pane.scenes[1].camera
    assert len(pane.chart.plot.spots) == 2
    assert {d.name for d in window.planning.compared} == set(pane.comparison.names)
    pane.ended.emit()
    assert window.planning.compared == ()


def test_the_chart_knows_which_plan_is_beaten(twin: Twin) -> None:
    geometry, tumour = TwinGeometry(twin), twin.mesh("liver tumour").vertices_mm.mean(0)
    middle_mm = tuple(float(v) for v in tumour)

    def plan(radius: float) -> Plan:
        return Plan(ablations=(Ablation("Z", "liver tumour", middle_mm, (0.0, 0.0, 1.0), (radius,) * 3),))

    compared = compare_plans({name: evaluate_plan(geometry, plan(r)) for name, r in (("small", 12.0), ("large", 25.0))})
    goals = charted(compared)
    margin = next(row for row in goals if row.key == "ablative_margin_mm")
    covered = next(row for row in goals if row.key == "coverage_percent")
    found = {s.name: s.is_beaten for s in spots(compared, covered, margin)}
    assert found == {"small": True, "large": False}
    assert differs(margin)
    same = compare_plans({name: evaluate_plan(geometry, plan(25.0)) for name in ("one", "other")})
    assert not any(differs(row) for row in same.rows)
    assert not any(s.is_beaten for s in spots(same, *charted(same)[:2]))


def test_a_cut_stays_comparable_with_a_needle(twin: Twin) -> None:
    """Plans that serve different ends have different goals, and none beats the other."""
    from surgtwin.domain.cut import PlaneCut

    geometry, tumour = TwinGeometry(twin), twin.mesh("liver tumour").vertices_mm.mean(0)
    at = tuple(float(v) for v in tumour)
    cut = Resection("Cut 1", "liver", PlaneCut(at, (-1.0, 0.0, 0.0)), (), ("liver tumour",))
    needle_plan = Plan(trajectories=(Trajectory("N", (at[0] - 60, at[1], at[2]), at, NeedleTool(0.75, 150.0)),))
    compared = compare_plans(
        {"cut": evaluate_plan(geometry, Plan(resections=(cut,))), "needle": evaluate_plan(geometry, needle_plan)}
    )
    assert compared.dominated_by == ((), ())
    assert any(differs(row) for row in compared.rows)
