"""What `surgtwin live`, `timeline` and `revert` take. One function an action."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .dicom_arguments import add_arrivals
from .live_events import ROLES, address, port, seconds
from .live_patient_arguments import add_patient
from .live_volume_arguments import add_reconstruct, add_scan, place

Actions = Any
AddCommand = Callable[..., argparse.ArgumentParser]


def add_live(commands: Any, command: AddCommand) -> None:
    """`surgtwin live` with its actions; `command(actions, name, module, text)` makes one that knows --json."""
    p = command(commands, "live", "live_update", "what arrives during the operation, taken into a twin", json=False)
    actions = p.add_subparsers(dest="action", metavar="ACTION", required=True)
    _update(actions, command)
    _judge(actions, command)
    _surface(actions, command)
    _listen(actions, command)
    add_arrivals(actions, command)
    add_patient(actions, command)
    _replay(actions, command)
    _simulate(actions, command)
    _publish(actions, command)
    add_reconstruct(actions, command)
    add_scan(actions, command, _add_server)
    _tip(actions, command)
    _register(actions, command)
    _doctor(actions, command)


def add_history(commands: Any, command: AddCommand) -> None:
    """`surgtwin add`, `surgtwin timeline` and `surgtwin revert`."""
    _add_series(commands, command)
    p = command(
        commands, "timeline", "timeline", "every revision of a twin: cause, state, motion, verdicts of its plans"
    )
    p.add_argument("twin", type=Path, metavar="CASE.twin")
    p = command(commands, "revert", "revert", "make an earlier revision the current one again; nothing is deleted")
    p.add_argument("twin", type=Path, metavar="CASE.twin")
    p.add_argument("revision", type=int, metavar="REVISION")
    _add_by(p)


def _add_series(commands: Any, command: AddCommand) -> None:
    p = command(commands, "add", "add_series", "lay a further series of the same patient on the twin")
    p.add_argument("twin", type=Path, metavar="CASE.twin")
    _add_image(p)
    p.add_argument("--role", choices=ROLES, required=True, help="what the image is")
    p.add_argument(
        "--as-placed", action="store_true", help="it lies in the twin's frame already (tracked): nothing is matched"
    )
    p.add_argument("--accept", action="store_true", help="take it in at once; overrides no failed gate")
    _add_by(p)


def _add_image(p: argparse.ArgumentParser) -> None:
    p.add_argument("input", type=Path, metavar="IMAGE", help="a DICOM folder or zip, NIfTI, NRRD or MetaImage")
    p.add_argument("--series", metavar="UID", help="which series; the best-ranked one if not given")
    p.add_argument("--modality", choices=("CT", "MR", "OTHER"), help="for files that do not say it; else the twin's")
    p.add_argument("--regularise", action="store_true", help="resample missing or unevenly spaced slices")


def _update(actions: Actions, command: AddCommand) -> None:
    p = command(
        actions, "update", "live_update", "carry the twin to where a new image shows its organs; judge its plans"
    )
    p.add_argument("twin", type=Path, metavar="CASE.twin")
    _add_image(p)
    p.add_argument("--role", choices=ROLES, default="intra-op", help="what the image is (default intra-op)")
    p.add_argument("--quality", choices=("preview", "refined"), default="preview", help="refined takes minutes")
    p.add_argument("--accept", action="store_true", help="make it the current revision; overrides no failed gate")
    _add_by(p)


def _surface(actions: Actions, command: AddCommand) -> None:
    p = command(actions, "surface", "live_surface", "carry an organ to where points of its surface were seen")
    p.add_argument("twin", type=Path, metavar="CASE.twin")
    p.add_argument("points", type=Path, metavar="POINTS.csv", help="rows of x,y,z in LPS mm")
    p.add_argument("--organ", required=True, metavar="NAME")
    p.add_argument("--accept", action="store_true", help="make it the current revision; overrides no failed gate")
    _add_by(p)


def _judge(actions: Actions, command: AddCommand) -> None:
    p = command(actions, "judge", "live_judge", "accept or reject a proposed revision")
    p.add_argument("twin", type=Path, metavar="CASE.twin")
    p.add_argument("revision", type=int, metavar="REVISION")
    answer = p.add_mutually_exclusive_group(required=True)
    answer.add_argument("--accept", action="store_true")
    answer.add_argument("--reject", action="store_true")
    _add_by(p)


def _listen(actions: Actions, command: AddCommand) -> None:
    p = command(
        actions, "listen", "live_listen", "follow trackers and scanners over OpenIGTLink, on a twin", json=False
    )
    p.add_argument("twin", type=Path, metavar="CASE.twin")
    _add_sources(p, is_needed=True)
    p.add_argument(
        "--fixed",
        type=_pair,
        action="append",
        metavar="A,B",
        help="two devices fixed to each other: told when they drift apart",
    )
    _add_way(p)
    _add_events(p)


def _add_sources(parser: argparse.ArgumentParser, *, is_needed: bool) -> None:
    parser.add_argument(
        "--igtl",
        type=address,
        action="append",
        required=is_needed,
        metavar="HOST:PORT",
        help="a server; may be repeated",
    )
    parser.add_argument(
        "--lps-from-tracker",
        type=_named_file,
        action="append",
        metavar="[HOST:PORT=]FILE",
        help='JSON, 4 x 4 or {"matrix", "tre_mm"}: from the tracker, or the reference, to the image (default: RAS)',
    )
    parser.add_argument("--reference", metavar="DEVICE", help="a marker on the patient; poses are taken relative to it")
    parser.add_argument(
        "--tool",
        type=_named_file,
        action="append",
        metavar="[DEVICE=]FILE",
        help='JSON of a tool: {"tip_mm": [x, y, z], "shaft": [x, y, z], "error_mm"} in its marker\'s frame',
    )


def _add_way(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--plan", metavar="NAME|FILE", help="a plan kept in the twin, or a plan file")
    parser.add_argument("--trajectory", metavar="NAME", help="the plan's way to follow, if it has several")
    parser.add_argument("--revision", type=int, metavar="N", help="of the twin; the current one if not given")


def _pair(text: str) -> tuple[str, str]:
    first, _, second = text.partition(",")
    if not first or not second or "," in second:
        raise argparse.ArgumentTypeError(f"'{text}' is not DEVICE,DEVICE")
    return first, second


def _named_file(text: str) -> tuple[str, Path]:
    name, is_named, path = text.rpartition("=")
    return (name if is_named else "", Path(path))


def _replay(actions: Actions, command: AddCommand) -> None:
    p = command(
        actions, "replay", "live_replay", "play a recording of tracked tools as an OpenIGTLink server", json=False
    )
    p.add_argument("file", type=Path, metavar="FILE", help="a sequence file, .igs.mha or .igs.nrrd")
    _add_server(p)
    p.add_argument("--speed", type=float, default=1.0, metavar="X", help="2: twice as fast (default 1)")
    p.add_argument("--loop", action="store_true", help="begin again at the end")
    p.add_argument("--now", action="store_true", help="do not wait for the first peer")


def _simulate(actions: Actions, command: AddCommand) -> None:
    p = command(
        actions, "simulate", "live_simulate", "a tracked tool that does not exist, as an OpenIGTLink server", json=False
    )
    p.add_argument("twin", type=Path, metavar="CASE.twin")
    _add_way(p)
    p.add_argument("--around", metavar="STRUCTURE", help="without --plan: the tip circles its middle")
    p.add_argument("--speed", type=float, default=10.0, metavar="MM/S", help="along the way (default 10)")
    p.add_argument("--rate", type=float, default=60.0, metavar="HZ", help="poses a second (default 60)")
    p.add_argument("--noise", type=float, default=0.2, metavar="MM", help="of the place (default 0.2)")
    p.add_argument("--noise-deg", type=float, default=0.1, metavar="DEG", help="of the turn (default 0.1)")
    p.add_argument("--dropouts", type=float, default=0.0, metavar="N", help="times a minute that it is not seen")
    p.add_argument("--jumps", type=float, default=0.0, metavar="N", help="times a minute that it is shown far away")
    p.add_argument("--seed", type=int, default=1, metavar="N", help="the same seed gives the same faults (default 1)")
    p.add_argument("--device", default="ToolToTracker", metavar="NAME", help="its name (default ToolToTracker)")
    p.add_argument("--lps-from-tracker", type=Path, metavar="FILE", help="as for listen; RAS if not given")
    _add_server(p)


def _publish(actions: Actions, command: AddCommand) -> None:
    text = "show the twin's surfaces, plan and tool in Slicer, as an OpenIGTLink server"
    p = command(actions, "publish", "live_publish", text, json=False)
    p.add_argument("twin", type=Path, metavar="CASE.twin")
    p.add_argument("--plan", metavar="NAME|FILE", help="whose points are sent: kept in the twin, or a plan file")
    p.add_argument("--revision", type=int, metavar="N", help="of the twin; the current one if not given")
    _add_sources(p, is_needed=False)
    _add_server(p)


def _tip(actions: Actions, command: AddCommand) -> None:
    text = "find a tool's tip from a recording in which it was swung about its resting tip"
    p = command(actions, "tip", "live_tip", text)
    p.add_argument("file", type=Path, metavar="FILE", help="a sequence file, .igs.mha or .igs.nrrd")
    p.add_argument("--device", required=True, metavar="NAME", help="the tool's transform, e.g. StylusToTracker")
    _add_output(p, "TOOL.json", "for listen --tool")


def _register(actions: Actions, command: AddCommand) -> None:
    p = command(actions, "register", "live_register", "lay the tracker on the image by points, with the error expected")
    p.add_argument("pairs", type=Path, metavar="PAIRS.csv", help="rows of x,y,z in the tracker, x,y,z in LPS mm")
    p.add_argument("--surface", type=Path, metavar="POINTS.csv", help="x,y,z in the tracker, felt on --organ: refines")
    p.add_argument("--twin", type=Path, metavar="CASE.twin", help="with --surface")
    p.add_argument("--organ", metavar="NAME", help="with --surface")
    p.add_argument("--target", type=place, metavar="X,Y,Z", help="LPS mm, where the error matters; the points' middle")
    _add_output(p, "TRACKER.json", "for listen --lps-from-tracker")


def _add_output(parser: argparse.ArgumentParser, name: str, purpose: str) -> None:
    parser.add_argument("-o", "--output", type=Path, required=True, metavar=name, help=purpose)
    parser.add_argument("--force", action="store_true", help="replace an existing file")


def _doctor(actions: Actions, command: AddCommand) -> None:
    p = command(actions, "doctor", "live_doctor", "test whether this computer can follow live sources")
    p.add_argument("--port", type=port, default=18944, help="to be tested (default 18944)")


def _add_server(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=port, default=18944, help="default 18944; 0 takes a free one and says which")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this computer only)")
    _add_events(parser)


def _add_events(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--for", dest="seconds", type=seconds, metavar="TIME", help="stop after, e.g. 30s")
    parser.add_argument("--json", action="store_true", help="one JSON document a line on stdout for every event")


def _add_by(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--by", metavar="WHO", help="who decides; the account's name if not given")
