"""Plan files: what is read is what was written, and what is wrong is named by its path."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pytest

from surgtwin.domain.cut import BezierCut, CombinedCut, PlaneCut, ShellCut, TerritoryCut
from surgtwin.domain.plan import Parenchyma
from surgtwin.domain.tool import CapsuleTool, MeshTool
from surgtwin.errors import PlanError
from surgtwin.planning.bezier import flat_patch
from surgtwin.planning.plan_file import parse_plan, read_plan
from surgtwin.planning.plan_json import plan_as_json

ROOT = Path(__file__).resolve().parents[2]
NET = flat_patch((1, 2, 3), (0, 80, 0), (0, 0, 80)).tolist()
NEEDLE = {"type": "needle", "radius_mm": 1, "length_mm": 150}
POSE = [[1, 0, 0, 5], [0, 1, 0, 6], [0, 0, 1, 7], [0, 0, 0, 1]]
FULL = {
    "schema": 1,
    "patient": {"height_cm": 170, "weight_kg": 70, "parenchyma": "chemotherapy"},
    "resections": [
        {
            "name": "A", "organ": "liver", "includes": ["tumour", "vein"], "targets": ["tumour"], "margin_mm": 10,
            "surface": {"type": "plane", "point_mm": [1, 2, 3], "normal": [0, 0, 2]},
        },
        {"name": "B", "organ": "liver", "surface": {"type": "bezier", "control_points_mm": NET, "flip": True}},
        {"name": "C", "organ": "liver", "surface": {"type": "shell", "targets": ["tumour"], "distance_mm": 10}},
        {"name": "D", "organ": "liver", "surface": {"type": "territory", "vessel": "portal vein", "branches": ["6"]}},
        {
            "name": "E", "organ": "liver",
            "surface": {
                "type": "combined", "combination": "difference",
                "parts": [
                    {"type": "plane", "point_mm": [0, 0, 0], "normal": [1, 0, 0]},
                    {"type": "shell", "targets": ["cyst"], "distance_mm": 0},
                ],
            },
        },
    ],
    "trajectories": [
        {
            "name": "T", "entry_mm": [0, 0, 0], "target_mm": [0, 0, 90], "tool": NEEDLE,
            "avoid": [{"structure": "vein", "clearance_mm": 5}], "through": ["skull"],
            "inside": [{"structure": "vertebra L3", "wall_mm": 2}],
        }
    ],
    "ablations": [
        {"name": "Z", "target": "tumour", "centre_mm": [0, 0, 0], "axis": [0, 0, 3], "radii_mm": [20, 15, 15]}
    ],
    "tool_paths": [
        {
            "name": "P", "trocar_mm": [1, 1, 1],
            "tool": {"type": "capsules", "capsules": [{"from_mm": [0, 0, 0], "to_mm": [0, 0, 300], "radius_mm": 2}]},
            "poses": [{"time_s": 0, "lps_from_tool": POSE}, {"time_s": 1, "lps_from_tool": POSE}],
        },
        {
            "name": "Q", "trocar_mm": None, "poses": [{"time_s": 0, "lps_from_tool": POSE}],
            "tool": {
                "type": "mesh", "vertices_mm": [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]],
                "triangles": [[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]],
            },
        },
    ],
}  # fmt: skip


def changed(path: str, value: object) -> dict:
    """FULL with the field at a path like `resections.0.name` set."""
    content = copy.deepcopy(FULL)
    *steps, last = [int(s) if s.isdigit() else s for s in path.split(".")]
    at = content
    for step in steps:
        at = at[step]
    at[last] = value
    return content


def test_every_kind_of_entry_is_read():
    plan = parse_plan(FULL)
    assert plan.patient.parenchyma is Parenchyma.CHEMOTHERAPY
    kinds = [type(r.surface) for r in plan.resections]
    assert kinds == [PlaneCut, BezierCut, ShellCut, TerritoryCut, CombinedCut]
    assert plan.resections[0].surface.normal == (0.0, 0.0, 1.0)
    assert plan.resections[0].includes == ("tumour", "vein")
    np.testing.assert_array_equal(plan.resections[1].surface.control_points_mm, NET)
    assert plan.trajectories[0].length_mm == 90.0
    assert plan.trajectories[0].inside[0].wall_mm == 2.0
    assert plan.ablations[0].axis == (0.0, 0.0, 1.0)
    assert isinstance(plan.tool_paths[0].tool, CapsuleTool) and plan.tool_paths[0].trocar_mm == (1.0, 1.0, 1.0)
    assert isinstance(plan.tool_paths[1].tool, MeshTool) and plan.tool_paths[1].trocar_mm is None
    assert plan.tool_paths[0].poses[0].tip_mm == (5.0, 6.0, 7.0)


def test_a_plan_written_and_read_again_is_the_same():
    written = plan_as_json(parse_plan(FULL), "right side")
    again = json.loads(json.dumps(written))
    assert plan_as_json(parse_plan(again), "right side") == written


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("resections.0.surface.normal", [0, 0, 0], "resections[0].surface.normal"),
        ("resections.0.surface.normal", [0, 0], "resections[0].surface.normal"),
        ("resections.0.surface.point_mm", ["a", 0, 0], "resections[0].surface.point_mm[0]"),
        ("resections.0.surface.point_mm", [1e9, 0, 0], "resections[0].surface.point_mm"),
        ("resections.0.margin_mm", -1, "resections[0].margin_mm"),
        ("resections.0.surface.type", "sphere", "resections[0].surface.type"),
        ("resections.0.organ", "", "resections[0].organ"),
        ("resections.1.name", "A", "resections"),
        ("resections.1.surface.control_points_mm", [[[0, 0, 0]] * 4] * 4, "resections[1].surface.control_points_mm"),
        ("resections.4.surface.parts.1.distance_mm", -3, "resections[4].surface.parts[1].distance_mm"),
        ("trajectories.0.tool", {**NEEDLE, "length_mm": 0}, "trajectories[0].tool.length_mm"),
        ("trajectories.0.target_mm", [0, 0, 0], "trajectories[0].target_mm"),
        ("ablations.0.radii_mm", [20, 15, 10], "ablations[0].axis_b"),
        ("tool_paths.0.poses.1.time_s", 0, "tool_paths[0].poses[1].time_s"),
        ("tool_paths.0.poses.0.lps_from_tool.0", [2, 0, 0, 0], "tool_paths[0].poses[0].lps_from_tool"),
        ("patient.height_cm", 1.7, "patient.height_cm"),
        ("patient.parenchyma", "fatty", "patient.parenchyma"),
        ("colour", "red", ""),
        ("schema", 2, "schema"),
        ("schema", "1", "schema"),
        ("resections.0.surface", {}, "resections[0].surface"),
        ("resections.0.surface.point_mm", [10**400, 0, 0], "resections[0].surface.point_mm[0]"),
        ("patient.weight_kg", float("nan"), "patient.weight_kg"),
        ("tool_paths.0.poses.0.lps_from_tool.3", [0, 0, 1, 1], "tool_paths[0].poses[0].lps_from_tool"),
        ("tool_paths.0.poses.1.time_s", 1e300, "tool_paths[0].poses[1].time_s"),
    ],
)
def test_a_bad_field_is_named_by_its_path(path, value, field):
    with pytest.raises(PlanError) as caught:
        parse_plan(changed(path, value))
    assert caught.value.field == field


@pytest.mark.parametrize("missing", ["name", "organ", "surface"])
def test_a_missing_field_is_named(missing):
    content = copy.deepcopy(FULL)
    del content["resections"][0][missing]
    with pytest.raises(PlanError, match=missing) as caught:
        parse_plan(content)
    assert caught.value.field == "resections[0]"


@pytest.mark.parametrize("text", ["", "[1,", '{"schema": 1, "patient": {"height_cm": NaN}}', "[" * 100_000, "[1, 2]"])
def test_a_file_that_is_no_plan_is_refused(tmp_path, text):
    file = tmp_path / "plan.json"
    file.write_text(text)
    with pytest.raises(PlanError):
        read_plan(file)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "9" * 400, "-" + "9" * 5000])
def test_a_number_in_a_file_that_is_none_or_too_large_is_named_by_its_path(tmp_path, number):
    file = tmp_path / "plan.json"
    text = json.dumps(changed("ablations.0.centre_mm", [0, "HERE", 0]))
    file.write_text(text.replace('"HERE"', number))
    with pytest.raises(PlanError, match="a finite number is needed") as caught:
        read_plan(file)
    assert caught.value.field == "ablations[0].centre_mm[1]"


def test_a_field_that_is_there_twice_is_refused_for_one_of_them_would_be_dropped(tmp_path):
    file = tmp_path / "plan.json"
    file.write_text('{"schema": 1, "resections": [], "resections": []}')
    with pytest.raises(PlanError, match="'resections' is there twice"):
        read_plan(file)


def test_a_file_that_an_editor_began_with_a_byte_order_mark_is_read(tmp_path):
    file = tmp_path / "plan.json"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(FULL).encode())
    assert plan_as_json(read_plan(file)[0]) == plan_as_json(parse_plan(FULL))


def test_a_surface_without_a_type_is_told_that_the_type_is_missing():
    with pytest.raises(PlanError, match="'type' is a required property"):
        parse_plan(changed("resections.0.surface", {}))


def test_a_plan_is_named_after_itself_or_its_file(tmp_path):
    file = tmp_path / "wedge.json"
    file.write_text(json.dumps(FULL))
    assert read_plan(file)[1] == "wedge"
    file.write_text(json.dumps({**FULL, "name": "right side"}))
    assert read_plan(file)[1] == "right side"
    with pytest.raises(PlanError, match=r"no plan file gone\.json"):
        read_plan(tmp_path / "gone.json")


def test_the_published_schema_is_the_one_that_is_checked():
    inside = ROOT / "surgtwin" / "planning" / "plan-schema.json"
    assert (ROOT / "docs" / "plan-schema.json").read_bytes() == inside.read_bytes()
