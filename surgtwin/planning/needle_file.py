"""A needle as a JSON file of its own: what a plan file says of a trajectory's tool."""

from __future__ import annotations

import json
from pathlib import Path

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from ..domain.tool import NeedleTool
from ..errors import PlanError
from .plan_file import json_path, schema_validator

MAX_BYTES = 1 << 20


def read_needle(path: Path) -> NeedleTool:
    """The needle of a JSON file: {"type": "needle", "radius_mm": 0.75, "length_mm": 150}.

    Raises
    ------
    PlanError
        If there is no such file, or it is not that.
    """
    if not path.is_file():
        raise PlanError(f"there is no tool file {path.name}.", "tool")
    if path.stat().st_size > MAX_BYTES:
        raise PlanError(f"{path.name} is larger than {MAX_BYTES >> 20} MiB; that is no needle.", "tool")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise PlanError(f"{path.name} is not valid JSON: {error}", "tool") from error
    schema = schema_validator().schema
    needle = Draft202012Validator({"$ref": "#/$defs/needle", "$defs": schema["$defs"], "type": "object"})
    wrong = best_match(needle.iter_errors(content))
    if wrong is not None:
        inner = json_path(wrong.absolute_path)
        raise PlanError(f"{wrong.message[:300]}.", f"tool.{inner}" if inner else "tool")
    try:
        return NeedleTool(content["radius_mm"], content["length_mm"])
    except PlanError as error:
        raise error.within("tool") from error
