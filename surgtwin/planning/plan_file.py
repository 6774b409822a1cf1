"""Plans as JSON files: checked against the published schema, then built; errors name the field's path."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from ..domain.cut import (
    BezierCut,
    Combination,
    CombinedCut,
    CutSurface,
    PlaneCut,
    ShellCut,
    TerritoryCut,
    TerritoryMethod,
)  # fmt: skip
from ..domain.plan import PLAN_SCHEMA, Parenchyma, PatientFigures, Plan, Resection, ToolPath
from ..domain.tool import Capsule, CapsuleTool, MeshTool, NeedleTool, Tool, ToolPose
from ..domain.trajectory import Ablation, Avoid, StayInside, Trajectory
from ..domain.vessel_names import BranchName, VesselNames
from ..errors import PatientMismatchError, PlanError

Json = dict[str, Any]
Part = TypeVar("Part")
MAX_BYTES = 64 * 2**20
MAX_DIGITS = 300
"""Whole numbers of more digits are read as floats: nothing in a plan is counted that far."""


@dataclass(frozen=True)
class PlanFile:
    """What a plan file holds.

    Parameters
    ----------
    name
        That the file gives the plan, else the file's own.
    case_id
        Of the twin that the plan was made on; empty if the file does not say.
    """

    plan: Plan
    name: str
    case_id: str = ""

    def require_case(self, case_id: str) -> None:
        """Raise PatientMismatchError if the plan was made on another twin: its coordinates hold in that one only."""
        if self.case_id and self.case_id != case_id:
            raise PatientMismatchError(
                f"The plan '{self.name}' was made on the twin {self.case_id}, this is {case_id}: its coordinates would "
                "point to other places in another patient. If both twins are of the same patient and the same image, "
                "keep it with `surgtwin plan add --other-case`."
            )


def read_plan(path: Path) -> tuple[Plan, str]:
    """The plan of a JSON file, and its name. Raises as `read_plan_file`, which also tells whose plan it is."""
    file = read_plan_file(path)
    return file.plan, file.name


def read_plan_file(path: Path) -> PlanFile:
    """The plan of a JSON file, its name, and the twin it was made on.

    Raises
    ------
    PlanError
        If the file is no JSON, or a field is missing, unknown or senseless; the message begins with its path.
    """
    if not path.is_file():
        raise PlanError(f"there is no plan file {path.name}.")
    if path.stat().st_size > MAX_BYTES:
        raise PlanError(f"{path.name} is larger than {MAX_BYTES >> 20} MiB; that is no plan.")
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = json.loads(text, parse_int=_whole_number, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise PlanError(f"{path.name} is not valid JSON: {error}") from error
    plan = parse_plan(content)
    return PlanFile(plan, str(content.get("name", path.stem)), str(content.get("twin", {}).get("case_id", "")))


def parse_plan(content: Any) -> Plan:
    """The plan of parsed JSON. Raises PlanError, its `field` the path of what is wrong."""
    _refuse_unbounded(content)
    if isinstance(content, dict) and isinstance(content.get("schema"), int) and content["schema"] > PLAN_SCHEMA:
        raise PlanError(
            f"the plan is of version {content['schema']}, this program reads up to {PLAN_SCHEMA}; update it.", "schema"
        )
    error = best_match(schema_validator().iter_errors(content))
    if error is not None:
        raise PlanError(_say(error), json_path(error.absolute_path))
    return build_plan(content)


def build_plan(content: Json) -> Plan:
    """The plan of JSON that is known to fit the schema."""
    return Plan(
        patient=_build("patient", _patient, content.get("patient", {})),
        resections=_each(content, "resections", _resection),
        trajectories=_each(content, "trajectories", _trajectory),
        ablations=_each(content, "ablations", _ablation),
        tool_paths=_each(content, "tool_paths", _tool_path),
        vessels=_each(content, "vessels", _vessel_names),
    )


@lru_cache(maxsize=1)
def schema_validator() -> Draft202012Validator:
    """The checker of the published schema."""
    text = files(__package__).joinpath("plan-schema.json").read_text(encoding="utf-8")
    return Draft202012Validator(json.loads(text))


def json_path(steps: Sequence[str | int] | Any) -> str:
    """`resections[0].surface.normal` of the steps to a field."""
    path = ""
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else (f".{step}" if path else str(step))
    return path


def _say(error: ValidationError) -> str:
    message = str(error.message)
    return (message if len(message) <= 300 else message[:300] + " ...") + "."


def _whole_number(text: str) -> int | float:
    """The number; an infinite one if no float holds it, which is refused where its place in the plan is known."""
    return int(text) if len(text) <= MAX_DIGITS else float(text)


def _without_repeats(pairs: list[tuple[str, Any]]) -> Json:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the field '{twice}' is there twice in one object, and only one of them could count")
    return content


def _refuse_unbounded(content: Any) -> None:
    """Raise PlanError naming the first number that is none, or that no float holds."""
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), content)]
    while waiting:
        steps, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [((*steps, key), inner) for key, inner in reversed(value.items())]
        elif isinstance(value, list):
            waiting += [((*steps, n), inner) for n, inner in reversed(list(enumerate(value)))]
        elif isinstance(value, float | int) and not abs(value) <= sys.float_info.max:
            found = repr(float(value)) if isinstance(value, float) else "one of too many digits"
            raise PlanError(f"a finite number is needed; found {found}.", json_path(steps))


def _each(content: Json, key: str, build: Callable[[Any], Part]) -> tuple[Part, ...]:
    return tuple(_build(f"{key}[{n}]", build, item) for n, item in enumerate(content.get(key, ())))


def _build(path: str, build: Callable[[Any], Part], item: Any) -> Part:
    try:
        return build(item)
    except PlanError as error:
        raise error.within(path) from error


def _patient(item: Json) -> PatientFigures:
    return PatientFigures(
        item.get("height_cm"), item.get("weight_kg"), Parenchyma(item.get("parenchyma", Parenchyma.NORMAL))
    )


def _resection(item: Json) -> Resection:
    surface = _build("surface", parse_surface, item["surface"])
    kept = {key: item[key] for key in ("margin_mm",) if key in item}
    return Resection(
        item["name"], item["organ"], surface, tuple(item.get("includes", ())), tuple(item.get("targets", ())), **kept
    )


def parse_surface(item: Json) -> CutSurface:
    """The cut surface of its JSON, which already fits the schema."""
    match item["type"]:
        case "plane":
            return PlaneCut(item["point_mm"], item["normal"])
        case "bezier":
            return BezierCut(np.array(item["control_points_mm"], dtype=np.float64), bool(item.get("flip", False)))
        case "shell":
            return ShellCut(tuple(item["targets"]), item["distance_mm"])
        case "territory":
            method = TerritoryMethod(item.get("method", TerritoryMethod.NEAREST))
            return TerritoryCut(item["vessel"], tuple(item["branches"]), method)
        case _:
            return CombinedCut(Combination(item["combination"]), _each(item, "parts", parse_surface))


def _trajectory(item: Json) -> Trajectory:
    tool = _build("tool", _needle, item["tool"])
    return Trajectory(
        item["name"], item["entry_mm"], item["target_mm"], tool,
        avoid=_each(item, "avoid", _avoid),
        through=tuple(item.get("through", ())),
        inside=_each(item, "inside", lambda i: StayInside(i["structure"], i["wall_mm"])),
        max_skin_angle_deg=item.get("max_skin_angle_deg"),
        max_capsule_angle_deg=item.get("max_capsule_angle_deg"),
        min_bridge_mm=item.get("min_bridge_mm"),
    )  # fmt: skip


def _avoid(item: Json) -> Avoid:
    return Avoid(item["structure"], item["clearance_mm"])


def _needle(item: Json) -> NeedleTool:
    return NeedleTool(item["radius_mm"], item["length_mm"])


def _ablation(item: Json) -> Ablation:
    return Ablation(
        item["name"], item["target"], item["centre_mm"], item["axis"], tuple(item["radii_mm"]), item.get("axis_b")
    )


def _tool_path(item: Json) -> ToolPath:
    return ToolPath(
        item["name"],
        _build("tool", parse_tool, item["tool"]),
        _each(item, "poses", lambda p: ToolPose(float(p["time_s"]), np.array(p["lps_from_tool"], dtype=np.float64))),
        item.get("trocar_mm"),
        _each(item, "avoid", _avoid),
        bool(item.get("cuts", True)),
    )


def _vessel_names(item: Json) -> VesselNames:
    branches = _each(item, "branches", lambda b: BranchName(b["name"], b["at_mm"], bool(b.get("begins", False))))
    return VesselNames(item["vessel"], branches, item.get("root_mm"))


def parse_tool(item: Json) -> Tool:
    """The instrument of its JSON, which already fits the schema."""
    match item["type"]:
        case "needle":
            return _needle(item)
        case "capsules":
            return CapsuleTool(_each(item, "capsules", lambda c: Capsule(c["from_mm"], c["to_mm"], c["radius_mm"])))
        case _:
            return MeshTool(np.array(item["vertices_mm"], dtype=np.float64), np.array(item["triangles"]))
