#!/usr/bin/env python3
"""Set up and run surgtwin from a fresh checkout; needs nothing but Python itself.

    python3 tasks.py demo      a phantom CT becomes a twin, its meshes are exported, the desktop opens
    python3 tasks.py test      linters, types, import contracts and the whole test suite
    python3 tasks.py setup     only the environment
    python3 tasks.py bundle    a wheelhouse/ for a machine without internet
    python3 tasks.py run ...   the `surgtwin` command inside the environment

Every task first makes `.venv` and installs the pinned requirements, which is skipped when nothing changed.
Where a folder `wheelhouse/` lies beside this file, packages come from there and the network is not used.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
WHEELHOUSE = ROOT / "wheelhouse"
CONSTRAINTS = ROOT / "constraints.txt"
STAMP = VENV / "surgtwin-installed.txt"
IS_WINDOWS = os.name == "nt"
PYTHON = VENV / ("Scripts/python.exe" if IS_WINDOWS else "bin/python")
OLDEST_PYTHON = (3, 11)
REQUIRED = ".[test]"
WHERE_THERE_ARE_WHEELS = {
    "cpu": "OpenVINO, which runs networks on a processor in less time; torch takes its place",
    "train": "TensorBoard; training writes its other logs",
}
"""Extras that not every platform has packages for, and what is then left out."""

# What Qt and VTK load at run time on Linux, and the Debian/Ubuntu package that has it.
LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libOpenGL.so.0": "libopengl0",
    "libEGL_mesa.so.0": "libegl-mesa0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xinerama.so.0": "libxcb-xinerama0",
    "libXrender.so.1": "libxrender1",
    "libSM.so.6": "libsm6",
    "libfontconfig.so.1": "libfontconfig1",
    "libdbus-1.so.3": "libdbus-1-3",
}
PROGRAMS_FOR_TESTS = {"Xvfb": "xvfb", "dciodvfy": "dicom3tools", "storescu": "dcmtk", "xauth": "xauth"}


def say(text: str) -> None:
    print(f"[tasks] {text}", flush=True)


def fail(text: str) -> None:
    print(f"[tasks] {text}", file=sys.stderr, flush=True)
    raise SystemExit(5)


def run(*command: str | Path, **options: object) -> int:
    """Run a command in the project folder and answer its exit code."""
    return subprocess.run([str(c) for c in command], cwd=ROOT, check=False, **options).returncode  # type: ignore[call-overload,no-any-return]


# --- the environment -------------------------------------------------------------------------------------------


def fingerprint() -> str:
    """Changes whenever what should be installed changes."""
    parts = [sys.version, str(ROOT), REQUIRED, *WHERE_THERE_ARE_WHEELS]
    parts += [p.read_text(encoding="utf-8") for p in (ROOT / "pyproject.toml", CONSTRAINTS)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def ensure_environment() -> None:
    """`.venv` with the pinned requirements and surgtwin itself, editable."""
    if sys.version_info < OLDEST_PYTHON:
        fail(f"Python {'.'.join(map(str, OLDEST_PYTHON))} or newer is needed; this is {sys.version.split()[0]}.")
    wanted = fingerprint()
    if PYTHON.exists() and STAMP.exists() and STAMP.read_text(encoding="utf-8") == wanted:
        return
    if not PYTHON.exists():
        say("making .venv")
        try:
            venv.create(VENV, with_pip=True)
        except (subprocess.CalledProcessError, OSError) as error:
            shutil.rmtree(VENV, ignore_errors=True)
            fail(f"the environment could not be made ({error}). On Debian/Ubuntu: sudo apt-get install -y python3-venv")
    say("installing pinned requirements (the first time this takes some minutes)")
    source = ["--no-index", "--find-links", str(WHEELHOUSE)] if WHEELHOUSE.is_dir() else []
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *source, "-c", CONSTRAINTS]
    if run(*pip, "setuptools", "wheel") or run(*pip, "--no-build-isolation", "-e", REQUIRED):
        fail("the requirements could not be installed; the lines above say why. Run the same command again to go on.")
    for extra, what in WHERE_THERE_ARE_WHEELS.items():
        if run(*pip, "--only-binary", ":all:", "--no-build-isolation", "-e", f".[{extra}]"):
            say(f"without {what}. The lines above say why; to try again: {PYTHON} -m pip install -e .[{extra}]")
    STAMP.write_text(wanted, encoding="utf-8")


# --- system libraries ------------------------------------------------------------------------------------------


def missing_packages(for_tests: bool) -> list[str]:
    """Debian/Ubuntu packages of what is not there; empty on other systems, which bring it along."""
    if not sys.platform.startswith("linux"):
        return []
    missing = [package for library, package in LIBRARIES.items() if not can_load(library)]
    if not any(Path("/usr/share/fonts").rglob("*.ttf")):
        missing.append("fonts-dejavu-core")
    if not any(Path("/usr").glob("lib/*/dri/swrast_dri.so")) and not any(Path("/usr").glob("lib*/**/libgallium*.so")):
        missing.append("libgl1-mesa-dri")
    if for_tests:
        missing += [package for program, package in PROGRAMS_FOR_TESTS.items() if shutil.which(program) is None]
    return missing


def can_load(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def ensure_system_libraries(for_tests: bool = False) -> None:
    """Install what is missing where that is allowed, else print the line that does."""
    missing = missing_packages(for_tests)
    if not missing:
        return
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if is_root and shutil.which("apt-get"):
        say(f"installing system packages: {' '.join(missing)}")
        quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
        run("apt-get", "update", "-qq", **quiet)
        if run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing, **quiet) == 0:
            return
    say("some system libraries are missing. On Debian/Ubuntu type:")
    say(f"    sudo apt-get update && sudo apt-get install -y {' '.join(missing)}")


# --- tasks -----------------------------------------------------------------------------------------------------


def demo(arguments: list[str]) -> int:
    ensure_environment()
    ensure_system_libraries()
    return run(PYTHON, "-m", "ui.cli.main", "demo", *arguments)


def test(arguments: list[str]) -> int:
    """All checks, each run even if one before it failed; the tests come last."""
    ensure_environment()
    ensure_system_libraries(for_tests=True)
    if arguments:
        return run(PYTHON, "-m", "pytest", *arguments)
    checks = {
        "ruff check": [PYTHON, "-m", "ruff", "check", "."],
        "ruff format": [PYTHON, "-m", "ruff", "format", "--check", "."],
        "mypy": [PYTHON, "-m", "mypy"],
        "import contracts": [PYTHON, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"],
        "pytest": [PYTHON, "-m", "pytest", "-q"],
    }
    failed = []
    for name, command in checks.items():
        say(name)
        if run(*command):
            failed.append(name)
    say(f"failed: {', '.join(failed)}" if failed else "everything passed")
    return 1 if failed else 0


def setup(_arguments: list[str]) -> int:
    ensure_environment()
    ensure_system_libraries()
    say(f"ready: {PYTHON}")
    return 0


def bundle(_arguments: list[str]) -> int:
    """Download every wheel that this machine's kind needs into wheelhouse/."""
    ensure_environment()
    target = ROOT / "wheelhouse.part"
    shutil.rmtree(target, ignore_errors=True)
    pip = [PYTHON, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "-c", CONSTRAINTS, "-d", target]
    if run(*pip, "setuptools", "wheel", REQUIRED):
        fail("a package could not be downloaded; the lines above say which.")
    for extra, what in WHERE_THERE_ARE_WHEELS.items():
        if run(*pip, "--only-binary", ":all:", f".[{extra}]"):
            say(f"the bundle is without {what}")
    shutil.rmtree(WHEELHOUSE, ignore_errors=True)
    target.rename(WHEELHOUSE)
    count = len(list(WHEELHOUSE.iterdir()))
    say(f"{count} packages in {WHEELHOUSE.name}/: copy the whole project folder, without .venv")
    return 0


def command(arguments: list[str]) -> int:
    ensure_environment()
    return run(PYTHON, "-m", "ui.cli.main", *arguments)


TASKS = {"demo": demo, "test": test, "setup": setup, "bundle": bundle, "run": command}


def main() -> int:
    if len(sys.argv) < 2 or sys.argv[1] not in TASKS:
        print(__doc__)
        return 2
    return TASKS[sys.argv[1]](sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
