"""The instruments offered for a tool path: few, with the sizes they are judged with, and one's own from a file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from surgtwin.domain.tool import Capsule, CapsuleTool, MeshTool, NeedleTool, Tool
from surgtwin.errors import PlanError
from surgtwin.planning.plan_file import json_path, parse_tool, schema_validator
from surgtwin.simulation.instrument import instrument_of

MAX_BYTES = 64 << 20
TIP_AWAY_MM = 20.0
"""A file's instrument whose lowest point lies farther than this from the origin is in another frame than asked for."""
FRAME = "An instrument's file has its tip at the origin and its shaft along +z, in millimetres."


@dataclass(frozen=True, eq=False)
class InstrumentRow:
    """One instrument.

    Parameters
    ----------
    about
        Its sizes and what they rest on, for a person.
    cuts
        Whether it takes away what it passes through.
    """

    name: str
    tool: Tool
    about: str
    cuts: bool = False


def _shafted(length_mm: float, jaw_mm: float, *jaws: Capsule) -> CapsuleTool:
    """Jaws before a shaft of 5 mm diameter."""
    return CapsuleTool((*jaws, Capsule((0.0, 0.0, jaw_mm), (0.0, 0.0, length_mm), 2.5)))


TYPICAL = "Sizes typical of reusable ones; measure your own where a millimetre matters."
INSTRUMENTS: tuple[InstrumentRow, ...] = (
    InstrumentRow(
        "Grasper, straight",
        _shafted(330.0, 20.0, Capsule((0.0, 0.0, 0.0), (0.0, 0.0, 20.0), 1.75)),
        f"5 mm shaft, 330 mm long, closed jaws 20 mm. {TYPICAL}",
    ),
    InstrumentRow(
        "Grasper, curved",
        _shafted(
            330.0,
            20.0,
            Capsule((5.0, 0.0, 0.0), (3.0, 0.0, 9.0), 1.25),
            Capsule((3.0, 0.0, 9.0), (0.0, 0.0, 20.0), 1.75),
        ),
        f"5 mm shaft, 330 mm long, jaws 20 mm, their tip 5 mm beside the shaft's axis: roll turns it. {TYPICAL}",
    ),
    InstrumentRow(
        "Ultrasonic dissector",
        _shafted(360.0, 17.0, Capsule((0.0, 0.0, 0.0), (0.0, 0.0, 17.0), 1.5)),
        f"5 mm shaft, 360 mm long, blade 17 mm; takes away what it passes through. {TYPICAL}",
        cuts=True,
    ),
    InstrumentRow("Needle probe", NeedleTool(0.75, 150.0), "17 gauge: 1.5 mm thick, 150 mm long."),
)


def read_instrument(path: Path) -> InstrumentRow:
    """One's own instrument: JSON as in a plan file's `tool`, or a closed surface as STL.

    Raises
    ------
    PlanError
        If there is no such file, it is neither, or it is not in the instrument's own frame.
    """
    if not path.is_file():
        raise PlanError(f"there is no file {path.name}.", "tool")
    if path.stat().st_size > MAX_BYTES:
        raise PlanError(f"{path.name} is larger than {MAX_BYTES >> 20} MiB; simplify the instrument first.", "tool")
    tool = _read_stl(path) if path.suffix.lower() == ".stl" else _read_json(path)
    _check_frame(tool, path.name)
    return InstrumentRow(path.stem, tool, f"From {path.name}: {size_words(tool)}.")


def size_words(tool: Tool) -> str:
    """How long and how thick a tool is, and of how many parts it is judged."""
    instrument = instrument_of(tool)
    both = np.concatenate((instrument.starts_mm, instrument.ends_mm))
    length = float(both[:, 2].max() - both[:, 2].min())
    thickest = 2.0 * float(instrument.radii_mm.max())
    parts = len(instrument.radii_mm)
    judged = f"judged as {parts} balls that cover it" if isinstance(tool, MeshTool) else f"{parts} parts"
    return (
        f"{length:.0f} mm long, at most {thickest:.1f} mm thick, {judged}"
        if parts > 1
        else (f"{length:.0f} mm long, {thickest:.1f} mm thick")
    )


def known_row(tool: Tool) -> InstrumentRow | None:
    """The row of the table that is this tool."""
    return next((row for row in INSTRUMENTS if row.tool == tool), None)


def _read_stl(path: Path) -> MeshTool:
    import trimesh
    from trimesh.exchange.stl import HeaderError

    try:
        mesh = trimesh.load(path, file_type="stl", force="mesh", process=True)
        mesh.merge_vertices()
    except (ValueError, IndexError, TypeError, OSError, HeaderError) as error:
        raise PlanError(f"{path.name} can't be read as STL: {error}", "tool") from error
    if not len(mesh.faces):
        raise PlanError(f"{path.name} holds no triangles.", "tool")
    return MeshTool(np.asarray(mesh.vertices, dtype=np.float64), np.asarray(mesh.faces, dtype=np.int32))


def _read_json(path: Path) -> Tool:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise PlanError(f"{path.name} is neither STL nor valid JSON: {error}", "tool") from error
    schema = schema_validator().schema
    tool = Draft202012Validator({"$ref": "#/$defs/tool", "$defs": schema["$defs"], "type": "object"})
    wrong = best_match(tool.iter_errors(content))
    if wrong is not None:
        inner = json_path(wrong.absolute_path)
        raise PlanError(f"{wrong.message[:300]}.", f"tool.{inner}" if inner else "tool")
    try:
        return parse_tool(content)
    except PlanError as error:
        raise error.within("tool") from error


def _check_frame(tool: Tool, name: str) -> None:
    """Refuse an instrument that lies elsewhere than its own frame asks for: it would be drawn beside its tip."""
    try:
        instrument = instrument_of(tool)
    except PlanError as error:
        raise error.within("tool") from error
    both = np.concatenate((instrument.starts_mm, instrument.ends_mm))
    low, high = both.min(0), both.max(0)
    extent = high - low
    if abs(float(low[2])) > TIP_AWAY_MM or extent[2] < max(float(extent[0]), float(extent[1])):
        box = ", ".join(f"{a:.0f} to {b:.0f}" for a, b in zip(low, high, strict=True))
        raise PlanError(f"{name} spans x, y, z {box} mm. {FRAME} Move it there and export it again.", "tool")
