"""What each command takes. One function a command; nothing heavy is imported here, so that --help is instant."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from segmentation.modes import MODE_NAMES

from . import liver_proposals
from .batch_arguments import add_batch
from .channels import channel
from .course_arguments import add_course
from .dicom_arguments import add_archive
from .live_arguments import add_history, add_live
from .plan_arguments import add_plan
from .report_arguments import add_report
from .review_arguments import add_review
from .roi import region_of_interest

IMAGE_INPUT = "a DICOM folder, file, zip or DICOMDIR, or a NIfTI, NRRD or MetaImage file"
SURFACE_FORMATS = ("stl", "obj", "ply", "glb", "vtp", "3mf")
PICTURE_VIEWS = (
    "overview", "3d", "anterior", "posterior", "left", "right", "superior", "inferior", "axial", "coronal", "sagittal",
)  # fmt: skip
SMALLEST_PICTURE = (480, 320)
LARGEST_PICTURE = 8192
LABEL_ENDINGS = (".nii.gz", ".nii", ".seg.nrrd", ".nrrd", ".mha", ".dcm")
Commands = Any


def add_all(commands: Commands) -> None:
    """Every command of the program, in the order the help lists them."""
    _scan(commands)
    _build(commands)
    add_batch(commands, _command)
    _info(commands)
    _segment(commands)
    _lesions(commands)
    _mesh(commands)
    _export(commands)
    _export_labels(commands)
    _view(commands)
    _screenshot(commands)
    _vessels(commands)
    add_plan(commands, _command)
    add_report(commands, _command)
    add_archive(commands, _command)
    add_live(commands, _command)
    add_history(commands, _command)
    add_course(commands, _command)
    add_review(commands, _command)
    _verify(commands)
    _models(commands)
    _evaluate(commands)
    _train(commands)
    _doctor(commands)
    _demo(commands)


def _command(commands: Commands, name: str, module: str, text: str, *, json: bool = True) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.set_defaults(module=module)
    if json:
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout, all else on stderr")
    return parser


def _add_image_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", type=Path, metavar="INPUT", help=IMAGE_INPUT)
    parser.add_argument("--series", metavar="UID", help="which series; the best-ranked one if not given")
    parser.add_argument(
        "--modality", choices=("CT", "MR"), help="for files that do not say it (NIfTI, NRRD, MetaImage)"
    )
    parser.add_argument(
        "--regularise",
        action="store_true",
        help="resample missing or unevenly spaced slices to even spacing; what was done is recorded",
    )


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", metavar="NAME|DIR", help="a shipped or added model, or an nnU-Net v2 model folder")
    parser.add_argument(
        "--structures", type=_names, metavar="A,B", help="only these; of a collection only the parts that hold them run"
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    speed = parser.add_mutually_exclusive_group()
    speed.add_argument("--fast", action="store_true", help="the quickest mode; labels may differ slightly")
    speed.add_argument("--mode", choices=MODE_NAMES, default="", help="how the network runs (default exact)")
    parser.add_argument(
        "--roi",
        type=region_of_interest,
        metavar="X:X,Y:Y,Z:Z",
        help="only this box is segmented, LPS mm, which takes less time: --roi=-120:40,-90:80,900:1100",
    )


def _add_channels(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--channel",
        type=channel,
        action="append",
        metavar="NAME=IMAGE",
        help="a further image for a model that needs several, e.g. T2=other.nii.gz; may be given again",
    )


def _add_mesh_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--decimate", type=_fraction, metavar="FRACTION", help="remove this share of the triangles, e.g. 0.9 or 90%%"
    )


def _fraction(text: str) -> float:
    try:
        value = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value < 1.0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a share from 0 to below 1 (or 0% to below 100%)")
    return value


def _formats(text: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(t.strip().lower().lstrip(".") for t in text.split(",") if t.strip()))
    unknown = [f for f in found if f not in SURFACE_FORMATS]
    if unknown or not found:
        raise argparse.ArgumentTypeError(
            f"unknown format {', '.join(unknown) or '(none)'}; there are: {', '.join(SURFACE_FORMATS)}"
        )
    return found


def _names(text: str) -> tuple[str, ...]:
    return tuple(t.strip() for t in text.split(",") if t.strip())


def _numbers(text: str) -> tuple[int, ...]:
    names = _names(text)
    if not names or not all(name.isdecimal() for name in names):
        raise argparse.ArgumentTypeError(f"'{text}' is not a list of numbers, like 291,292")
    return tuple(dict.fromkeys(int(name) for name in names))


def _label_file(text: str) -> Path:
    if not text.lower().endswith(LABEL_ENDINGS):
        raise argparse.ArgumentTypeError(f"'{text}': label maps are written as {', '.join(LABEL_ENDINGS)}")
    return Path(text)


def _png(text: str) -> Path:
    if not text.lower().endswith(".png"):
        raise argparse.ArgumentTypeError(f"'{text}': pictures are written as .png")
    return Path(text)


def _scan(commands: Commands) -> None:
    p = _command(commands, "scan", "scan", "list the image series in an input, best first, and say why")
    p.add_argument("input", type=Path, metavar="DIR", help=IMAGE_INPUT)


def _build(commands: Commands) -> None:
    p = _command(commands, "build", "build", "build a twin from an image: segment, mesh, save")
    _add_image_options(p)
    p.add_argument("-o", "--output", type=Path, required=True, metavar="CASE.twin")
    _add_model_options(p)
    _add_channels(p)
    liver_proposals.add_options(p)
    p.add_argument("--labels", type=Path, metavar="FILE", help="a label map instead of the network")
    p.add_argument("--names", type=Path, metavar="FILE", help='names of the labels, JSON: {"1": "liver"}')
    p.add_argument("--force", action="store_true", help="replace an existing twin")
    _add_mesh_options(p)


def _info(commands: Commands) -> None:
    p = _command(commands, "info", "info", "tell what a twin holds: structures, volumes, findings, provenance")
    p.add_argument("twin", type=Path, metavar="CASE.twin")


def _segment(commands: Commands) -> None:
    p = _command(commands, "segment", "segment", "segment an image and write the label map")
    _add_image_options(p)
    p.add_argument(
        "-o", "--output", type=_label_file, required=True, metavar="LABELS", help=f"one of {', '.join(LABEL_ENDINGS)}"
    )
    _add_model_options(p)
    _add_channels(p)
    liver_proposals.add_options(p)
    p.add_argument("--force", action="store_true", help="replace an existing file")


def _lesions(commands: Commands) -> None:
    p = _command(commands, "lesions", "lesions", "propose lesions inside the liver of a CT's twin, to be confirmed")
    p.add_argument("twin", type=Path, metavar="CASE.twin")
    p.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    p.add_argument("--fast", action="store_true", help="the quickest mode; proposals may differ slightly")
    p.add_argument(
        "--least-confidence",
        type=_confidence,
        metavar="SHARE",
        help="0 to 1; lower proposes more, and more of them wrong",
    )


def _confidence(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a share from 0 to 1")
    return value


def _mesh(commands: Commands) -> None:
    p = _command(commands, "mesh", "mesh", "make surfaces from a label map")
    p.add_argument("labels", type=Path, metavar="LABELS", help="NIfTI, NRRD, MetaImage or DICOM SEG")
    p.add_argument("-o", "--output", type=Path, required=True, metavar="DIR")
    p.add_argument("--names", type=Path, metavar="FILE", help='names of the labels, JSON: {"1": "liver"}')
    _add_surface_options(p)


def _add_surface_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format", type=_formats, default=("stl",), metavar="F,F", help=f"of {','.join(SURFACE_FORMATS)} (default stl)"
    )
    parser.add_argument("--structures", type=_names, metavar="A,B", help="only these, by name")
    parser.add_argument("--frame", choices=("LPS", "RAS"), default="LPS", help="axes of the files (default LPS)")
    _add_mesh_options(parser)


def _export(commands: Commands) -> None:
    p = _command(commands, "export", "export", "write a twin's surfaces with a manifest")
    p.add_argument("twin", type=Path, metavar="CASE.twin")
    p.add_argument("-o", "--output", type=Path, required=True, metavar="DIR")
    _add_surface_options(p)


def _export_labels(commands: Commands) -> None:
    p = _command(commands, "export-labels", "export_labels", "write a twin's label map")
    p.add_argument("twin", type=Path, metavar="CASE.twin")
    p.add_argument(
        "-o",
        "--output",
        type=_label_file,
        required=True,
        metavar="FILE",
        help=".nii.gz, .seg.nrrd, .nrrd, .mha; .dcm writes a DICOM SEG",
    )
    p.add_argument("--rtstruct", action="store_true", help="with .dcm: an RTSTRUCT instead of a SEG")
    p.add_argument("--layer", type=int, default=0, help="which layer of structures (default 0)")
    p.add_argument("--revision", type=int, metavar="N", help="of this revision; the current one if not given")
    p.add_argument(
        "--grid", choices=("base", "new"), default="base", help="new: that of the image which carried the revision"
    )
    p.add_argument("--confidence", type=Path, metavar="FILE.nii.gz", help="also write how sure the network was, 0 to 1")
    p.add_argument("--force", action="store_true", help="replace an existing file")


def _view(commands: Commands) -> None:
    p = _command(commands, "view", "view", "open the desktop", json=False)
    p.add_argument("path", type=Path, nargs="?", metavar="CASE.twin|INPUT")


def _screenshot(commands: Commands) -> None:
    p = _command(commands, "screenshot", "screenshot", "write a picture of a twin; needs no display")
    p.add_argument("twin", type=Path, metavar="CASE.twin")
    p.add_argument("-o", "--output", type=_png, required=True, metavar="FILE.png")
    p.add_argument("--size", type=_size, default=(1600, 1000), metavar="WxH")
    p.add_argument("--view", choices=PICTURE_VIEWS, default="overview")


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    size = (int(width), int(height)) if width.isdigit() and height.isdigit() else (0, 0)
    if size[0] < SMALLEST_PICTURE[0] or size[1] < SMALLEST_PICTURE[1] or max(size) > LARGEST_PICTURE:
        limits = f"{SMALLEST_PICTURE[0]}x{SMALLEST_PICTURE[1]} to {LARGEST_PICTURE}x{LARGEST_PICTURE}"
        raise argparse.ArgumentTypeError(f"'{text}' is not a size like 1600x1000 ({limits})")
    return size


def _vessels(commands: Commands) -> None:
    p = _command(commands, "vessels", "vessels", "propose portal and hepatic branches inside the liver of a CT's twin")
    p.add_argument("twin", type=Path, metavar="CASE.twin")


def _verify(commands: Commands) -> None:
    p = _command(commands, "verify", "verify", "check a twin's history and contents by their hashes")
    p.add_argument("twin", type=Path, metavar="CASE.twin")


def _models(commands: Commands) -> None:
    p = _command(commands, "models", "models", "list, add, describe, remove and verify networks", json=False)
    actions = p.add_subparsers(dest="action", metavar="ACTION", required=True)
    _command(actions, "list", "models", "list the models that are there")
    a = _command(actions, "add", "models", "add nnU-Net v2 models from a folder or zip, checked by loading them")
    a.add_argument("source", type=Path, metavar="DIR|ZIP")
    a.add_argument("--name", required=True, help="what --model will call it: letters, digits, '.', '_', '-'")
    a.add_argument("--configuration", metavar="NAME", help="which one, where there are several, e.g. 3d_fullres")
    a.add_argument(
        "--datasets",
        type=_numbers,
        default=(),
        metavar="N,N",
        help="which data sets' models make a collection, e.g. 850,851",
    )
    a.add_argument(
        "--orientation",
        default="",
        metavar="AXES",
        help="axes of the training images where the model does not say, e.g. RAS",
    )
    a.add_argument("--force", action="store_true", help="replace an added model of that name")
    i = _command(actions, "info", "models", "tell what a model is: licence, structures, network, hash")
    i.add_argument("model", metavar="NAME|DIR")
    r = _command(actions, "remove", "models", "remove an added model")
    r.add_argument("model", metavar="NAME")
    v = _command(actions, "verify", "models", "check models against the hashes recorded when they were added")
    v.add_argument("models", nargs="*", metavar="NAME", help="all if none is named")


def _evaluate(commands: Commands) -> None:
    p = _command(commands, "evaluate", "evaluate", "compare label maps with reference label maps")
    p.add_argument("found", type=Path, metavar="PRED", help="a label map, or a folder of them")
    p.add_argument("reference", type=Path, metavar="REF", help="a label map, or a folder with the same file names")
    p.add_argument("--names", type=Path, metavar="FILE", help='names of the labels, JSON: {"1": "liver"}')
    p.add_argument("--structures", type=_names, metavar="A,B", help="only these, by name")
    p.add_argument("--tolerance", type=_positive, default=2.0, metavar="MM", help="of the surface Dice (default 2)")
    p.add_argument("--lesions", type=_names, metavar="A,B", help="count the pieces of these that were found, too")
    p.add_argument(
        "--lesion-diameter", type=_positive, default=0.0, metavar="MM", help="leave pieces smaller than such a ball out"
    )
    p.add_argument(
        "--reference-suffix", default="", metavar="TEXT", help="what reference file names have more, e.g. _labels"
    )
    p.add_argument("--csv", type=Path, metavar="FILE", help="write every figure of every case")
    p.add_argument("--html", type=Path, metavar="FILE", help="write a report that opens in a browser")
    p.add_argument("--force", action="store_true", help="replace existing reports")


def _train(commands: Commands) -> None:
    p = _command(commands, "train", "train", "train a network, or plan a training from a data set", json=False)
    p.add_argument("config", type=Path, nargs="?", metavar="CONFIG.json", help="what to train; --plan writes one")
    p.add_argument("--plan", type=Path, metavar="DATA", help="a data set to write a configuration for, not training")
    p.add_argument("-o", "--output", type=Path, required=True, metavar="RUN", help="the run's folder, or CONFIG.json")
    p.add_argument("--data", type=Path, nargs="+", metavar="DIR", help="folders that hold the case sources")
    p.add_argument("--resume", action="store_true", help="go on from the run's last checkpoint, if there is one")
    p.add_argument("--from", dest="weights_from", metavar="NAME|DIR", help="a model whose weights to start with")
    p.add_argument("--package", type=Path, metavar="DIR", help="write the model folder here when trained")
    p.add_argument("--licence", default="not stated", metavar="TEXT", help="of the model, for --package")
    p.add_argument("--modality", choices=("CT", "MR"), help="with --plan, where the data set does not say it")
    p.add_argument("--names", type=Path, metavar="FILE", help='with --plan: names of the labels, {"1": "liver"}')
    p.add_argument("--memory", type=_amount, default=8.0, metavar="GB", help="with --plan: the GPU's (default 8)")
    p.add_argument("--hours", type=_amount, default=24.0, metavar="H", help="with --plan: how long (default 24)")
    p.add_argument("--force", action="store_true", help="with --plan and --package: replace what is there")
    p.add_argument("--json", action="store_true", help="one JSON document a line on stdout, all else on stderr")


def _amount(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number above 0")
    return value


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"'{text}' is not a length above 0 mm")
    return value


def _doctor(commands: Commands) -> None:
    _command(commands, "doctor", "doctor", "check this computer: libraries, decoders, graphics, device, disk, models")


def _demo(commands: Commands) -> None:
    p = _command(commands, "demo", "demo", "make a phantom CT, build its twin, export it and show it")
    p.add_argument("-o", "--output", type=Path, default=Path("demo_output"), metavar="DIR")
    p.add_argument("--no-window", action="store_true", help="write pictures, do not open the desktop")
    _add_model_options(p)
