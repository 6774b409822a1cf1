"""The command line before any command runs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from surgtwin.errors import LabelError
from ui.cli.input_steps import wanted_structures
from ui.cli.main import build_parser, main

HEAVY = ("torch", "PySide6", "vtkmodules", "SimpleITK", "numpy", "pydicom", "pyvista", "trimesh")


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom ui.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    for command in ("scan", "build", "info", "segment", "mesh", "export", "export-labels", "view", "screenshot"):
        assert command in done.stdout


def test_core_and_command_line_load_neither_qt_nor_torch():
    code = (
        "import sys, pkgutil, importlib, surgtwin, ui.cli\n"
        "for package in (surgtwin, ui.cli):\n"
        "    for m in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "        importlib.import_module(m.name)\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('torch', 'PySide6', 'shiboken6')])"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == "[]"


def test_core_imports_no_rendering_modules():
    code = (
        "import sys, pkgutil, importlib, surgtwin\n"
        "for m in pkgutil.walk_packages(surgtwin.__path__, 'surgtwin.'):\n"
        "    importlib.import_module(m.name)\n"
        "print([m for m in sys.modules if m.startswith('vtkmodules.vtkRendering')])"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["nonsense"],
        ["build", "in"],
        ["export", "a.twin", "-o", "x", "--format", "docx"],
        ["export", "a.twin", "-o", "x", "--decimate", "1.5"],
        ["screenshot", "a.twin", "-o", "x.png", "--size", "0x5"],
        ["screenshot", "a.twin", "-o", "x.png", "--view", "inside"],
        ["screenshot", "a.twin", "-o", "x.gif"],
        ["export-labels", "a.twin", "-o", "x.docx"],
        ["segment", "in", "-o", "x.nii.gz", "--device", "tpu"],
    ],
)
def test_usage_errors_exit_with_2(argv, capsys):
    with pytest.raises(SystemExit) as stop:
        main(argv)
    assert stop.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_choices_of_the_parser_are_those_of_the_functions_behind_it():
    from surgtwin.formats.surface import FORMATS
    from surgtwin.pipeline.label_output import LABEL_ENDINGS
    from ui.cli import arguments
    from ui.render.screenshot import MIN_SIZE, VIEWS

    assert set(arguments.SURFACE_FORMATS) == set(FORMATS)
    assert arguments.LABEL_ENDINGS == LABEL_ENDINGS
    assert arguments.PICTURE_VIEWS == VIEWS
    assert arguments.SMALLEST_PICTURE == MIN_SIZE


def test_negative_coordinates_are_values_not_options():
    parser = build_parser()
    probe = type(parser)(prog="probe")
    probe.add_argument("--target")
    assert probe.parse_args(["--target", "-30,10,8"]).target == "-30,10,8"
    assert probe.parse_args(["--target", "-.5,-1e-3,8"]).target == "-.5,-1e-3,8"


def test_decimate_takes_a_share_or_a_percentage():
    parser = build_parser()
    assert parser.parse_args(["export", "a.twin", "-o", "x", "--decimate", "90%"]).decimate == pytest.approx(0.9)
    assert parser.parse_args(["export", "a.twin", "-o", "x", "--decimate", "0.25"]).decimate == pytest.approx(0.25)


@pytest.mark.parametrize("command", [["scan"], ["info"], ["verify"]])
def test_what_is_not_there_is_a_bad_input_and_said_as_json_too(command, tmp_path, capsys):
    assert main([*command, str(tmp_path / "nothing"), "--json"]) == 3
    out = capsys.readouterr()
    document = json.loads(out.out)
    assert document["error"]["exit_code"] == 3
    assert "nothing" in document["error"]["message"]
    assert "Traceback" not in out.err


def test_a_structure_is_found_by_its_own_name_before_a_similar_one():
    available = ("a b", "a_b", "A_B", "Liver")
    assert wanted_structures(("a_b",), available) == {"a_b"}
    assert wanted_structures(("liver", "A_B"), available) == {"Liver", "A_B"}
    with pytest.raises(LabelError, match="nowhere"):
        wanted_structures(("liver", "nowhere"), available)
