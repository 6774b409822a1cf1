"""Judged plans on twins of analytic shapes, for reports."""

from __future__ import annotations

from dataclasses import replace

from surgtwin.domain.cut import PlaneCut, ShellCut
from surgtwin.domain.patient import Patient
from surgtwin.domain.plan import PatientFigures, Plan, Resection, ToolPath
from surgtwin.domain.tool import NeedleTool, ToolPose
from surgtwin.domain.trajectory import Ablation, Avoid, Trajectory
from surgtwin.domain.twin import Twin
from surgtwin.planning.evaluate import evaluate_plan
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.report.subject import ReportedPlan, ReportedTwin
from tests.planning.shapes import STRAIGHT, Frame, ball, make_twin

MADE = "2026-02-03T04:05:06+00:00"
PATIENT = Patient("QX-774411", "", "Zyxwholm^Ottoline", "19610412", "F")
SECRETS = ("QX-774411", "Zyxwholm", "Ottoline", "1961-04-12")
HALF_MM = 34.0


def liver_twin(frame: Frame = STRAIGHT, origin: str = "network", tumour: str = "tumour") -> Twin:
    """A liver (a ball of 28 mm), a tumour in its right half, a vein in its left half; the patient has a name."""
    twin = make_twin(
        {"liver": ball((0, 0, 0), 28), tumour: ball((-15, 0, 0), 6), "vein": ball((14, 0, 8), 4)}, frame, HALF_MM
    )
    structures = tuple(
        replace(s, origin=origin, part_of="liver" if s.name == tumour else s.part_of) for s in twin.structures
    )
    image = twin.images[0]
    named = replace(image, volume=replace(image.volume, patient=PATIENT))
    return replace(twin, labels=replace(twin.labels, structures=structures), images=(named,), case_id="case-42")


def right_cut(frame: Frame, x: float = -2.0, name: str = "A", margin: float = 5.0, target: str = "tumour") -> Resection:
    """A plane that takes the patient's right of x (the frame's own coordinates; LPS counts to the left)."""
    surface = PlaneCut(frame.point(x, 0, 0), frame.direction(-1, 0, 0))
    return Resection(name, "liver", surface, targets=(target,), margin_mm=margin)


def wedge(distance_mm: float = 7.0, name: str = "W") -> Resection:
    return Resection(name, "liver", ShellCut(("tumour",), distance_mm), targets=("tumour",), margin_mm=5.0)


def needle(frame: Frame) -> Trajectory:
    entry, target = frame.point(-32, -12, 0), frame.point(-15, 0, 0)
    return Trajectory("N", entry, target, NeedleTool(1.0, 100.0), (Avoid("vein", 5.0),))


def tool_path(frame: Frame) -> ToolPath:
    """A free-hand instrument that slides past the vein."""

    def pose(time_s: float, *tip: float) -> ToolPose:
        matrix = [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, -1.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
        for row, value in enumerate(frame.point(*tip)):
            matrix[row][3] = value
        return ToolPose(time_s, matrix)

    poses = (pose(0.0, 14, -20, 8), pose(1.0, 14, -8, 8))
    return ToolPath("P", NeedleTool(1.5, 60.0), poses, avoid=(Avoid("vein", 2.0),))


def body() -> PatientFigures:
    return PatientFigures(170, 70)


def reported(twin: Twin, plan: Plan, name: str = "right") -> ReportedPlan:
    geometry = TwinGeometry(twin)
    return ReportedPlan(name, geometry, evaluate_plan(geometry, plan))


def full_plan(frame: Frame) -> Plan:
    """One of each kind of entry."""
    zone = Ablation("Z", "tumour", frame.point(-15, 0, 0), (1, 0, 0), (12, 12, 12))
    return Plan(body(), (right_cut(frame),), (needle(frame),), (zone,), (tool_path(frame),))


def subject(twin: Twin, with_identity: bool = False) -> ReportedTwin:
    return ReportedTwin(twin, MADE, "ab" * 32, with_identity)
