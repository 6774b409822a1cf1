"""`surgtwin doctor`: what this computer has, what is missing, and what to do about it."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from surgtwin.errors import SurgTwinError
from surgtwin.version import VERSION

from .console import say, table, write_json
from .display import has_display

EXIT_ENVIRONMENT = 5
_LEAST_MEMORY_GB = 6.0
_LEAST_DISK_GB = 5.0


@dataclass(frozen=True)
class Check:
    """One thing looked at; `is_needed` decides whether its absence is a fault."""

    name: str
    is_fine: bool
    found: str
    advice: str = ""
    is_needed: bool = True


def run(options: argparse.Namespace) -> int:
    checks = [check() for check in CHECKS]
    ok = all(c.is_fine for c in checks if c.is_needed)
    if options.json:
        write_json({"ok": ok, "version": VERSION, "checks": [asdict(c) for c in checks]})
    else:
        marks = {True: "ok", False: "MISSING"}
        rows = [
            [
                c.name,
                marks[c.is_fine] if c.is_needed or c.is_fine else "optional",
                c.found,
                "" if c.is_fine else c.advice,
            ]
            for c in checks
        ]
        say(table(rows, ("what", "", "found", "what to do")))
    return 0 if ok else EXIT_ENVIRONMENT


def _python() -> Check:
    return Check("Python", sys.version_info >= (3, 11), platform.python_version(), "Install Python 3.11 or newer.")


def _libraries() -> Check:
    found, missing = [], []
    for module, package in (
        ("numpy", "numpy"), ("SimpleITK", "SimpleITK"), ("vtkmodules.vtkCommonCore", "vtk"), ("pydicom", "pydicom"),
        ("highdicom", "highdicom"), ("trimesh", "trimesh"), ("lib3mf", "lib3mf"), ("torch", "torch"),
        ("PySide6.QtCore", "PySide6-Essentials"),
    ):  # fmt: skip
        try:
            import_module(module)
            found.append(f"{package} {version(package)}")
        except ImportError as error:
            missing.append(f"{package} ({error})")
    text = f"{len(found)} of {len(found) + len(missing)}" + (f"; missing {', '.join(missing)}" if missing else "")
    return Check("libraries", not missing, text, "Run `python3 tasks.py setup` again.")


def _decoders() -> Check:
    from pydicom.pixels import get_decoder
    from pydicom.uid import HTJ2K, JPEG2000, JPEGBaseline8Bit, JPEGLossless, JPEGLSLossless, RLELossless

    syntaxes = (JPEGBaseline8Bit, JPEGLossless, JPEGLSLossless, JPEG2000, HTJ2K, RLELossless)
    missing = [s.name for s in syntaxes if not get_decoder(s).is_available]
    text = f"{len(syntaxes) - len(missing)} of {len(syntaxes)} compressed kinds"
    return Check("DICOM decoders", not missing, text, f"Not readable: {', '.join(missing)}. Run `tasks.py setup`.")


def _memory() -> Check:
    import psutil

    total = psutil.virtual_memory().total / 1e9
    return Check(
        "memory", total >= _LEAST_MEMORY_GB, f"{total:.0f} GB", f"At least {_LEAST_MEMORY_GB:.0f} GB are needed."
    )


def _disk() -> Check:
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    return Check(
        "free disk here", free >= _LEAST_DISK_GB, f"{free:.0f} GB", "Free some space: a twin takes about 1 GB."
    )


def _device() -> Check:
    try:
        import torch
    except ImportError as error:
        return Check("GPU", False, f"torch is missing: {error}", "Run `python3 tasks.py setup`.", is_needed=False)
    if torch.cuda.is_available():
        return Check("GPU", True, torch.cuda.get_device_name(0), is_needed=False)
    text = f"none; the CPU is used ({os.cpu_count()} cores)"
    return Check("GPU", False, text, "An NVIDIA GPU makes segmentation much faster.", is_needed=False)


def _graphics() -> Check:
    from ui.render.offscreen import describe_renderer

    try:
        return Check("off-screen graphics", True, describe_renderer())
    except SurgTwinError as error:
        return Check("off-screen graphics", False, str(error), "On Debian/Ubuntu: sudo apt-get install -y libegl1")


def _display() -> Check:
    name = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or platform.system()
    found = name if has_display() else "none"
    return Check("display", has_display(), found, "Only `surgtwin view` needs one.", is_needed=False)


def _models() -> Check:
    from segmentation.model_folder import read_model_folder
    from segmentation.registry import SHIPPED

    found, missing = [], []
    for row in SHIPPED:
        try:
            model = read_model_folder(row.folder)
            found.append(f"{row.name} {model.version}".rstrip())
        except SurgTwinError as error:
            missing.append(f"{row.name}: {error}")
    text = ", ".join(found) or "none"
    return Check("models", not missing, "; ".join([text, *missing]), "Install the program again.")


CHECKS: tuple[Callable[[], Check], ...] = (
    _python, _libraries, _decoders, _memory, _disk, _device, _graphics, _display, _models,
)  # fmt: skip
