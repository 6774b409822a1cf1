"""A report of a fault in the program: what a developer needs, and nothing that names the patient."""

from __future__ import annotations

import platform
import re
import traceback
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType

from surgtwin.domain.twin import Twin
from surgtwin.domain.volume import Volume
from surgtwin.settings import config_folder
from surgtwin.version import VERSION

LIBRARIES = ("PySide6_Essentials", "vtk", "numpy", "torch", "pydicom", "SimpleITK")
MIN_SECRET_LENGTH = 2
REPORT_FOLDER = "reports"
_PATH = re.compile(r"""(?:[A-Za-z]:\\|\\\\|/)[^\s'"<>|:*?]+(?: [^\s'"<>|:*?/\\]+[/\\][^\s'"<>|:*?]+)*""")
_LONG_NUMBER = re.compile(r"\d{6,}")
"""Identifiers and dates are long numbers; line numbers and sizes are not."""


def secrets_of(volume: Volume | None) -> tuple[str, ...]:
    """Every word that names the patient of an image, longest first."""
    if volume is None:
        return ()
    p = volume.patient
    words = {p.name, p.patient_id, p.birth_date, p.issuer, volume.source.description}
    words |= set(re.split(r"[\^\s=,]+", p.name))
    return tuple(sorted((w for w in words if len(w) >= MIN_SECRET_LENGTH), key=len, reverse=True))


def report_text(
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType | None,
    *,
    twin: Twin | None = None,
    secrets: Iterable[str] = (),
) -> str:
    """The report: versions, where in the program it happened, the shape of the data. No values, no paths, no names."""
    frames = "\n".join(f"  {_place(f.filename)}:{f.lineno} in {f.name}" for f in traceback.extract_tb(trace))
    lines = [
        f"surgtwin {VERSION} fault report, {datetime.now(UTC).isoformat(timespec='seconds')}",
        "Holds no patient data: paths, long numbers and the open patient's identity are left out.",
        "",
        f"{kind.__name__}: {scrub(str(error), secrets)}",
        frames,
        "",
        f"system: {platform.system()} {platform.release()} {platform.machine()}, Python {platform.python_version()}",
        *(f"{name}: {_version(name)}" for name in LIBRARIES),
    ]
    if twin is not None:
        shapes = ", ".join(f"{i.volume.modality} {i.volume.grid.shape}" for i in twin.images)
        lines.append(f"open twin: {shapes}; {len(twin.structures)} structures; revision {twin.revision.number}")
    return "\n".join(lines) + "\n"


def write_report(text: str, folder: Path | None = None) -> Path:
    """Keep the report and say where. Raises OSError."""
    target = (folder or config_folder()) / REPORT_FOLDER
    target.mkdir(parents=True, exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    path = target / f"surgtwin-fault-{stamp}.txt"
    path.write_text(text, encoding="utf-8")
    return path


def scrub(text: str, secrets: Iterable[str]) -> str:
    """`text` without the secrets (in any case), paths and long numbers."""
    for word in secrets:
        text = re.sub(re.escape(word), "***", text, flags=re.IGNORECASE)
    return _LONG_NUMBER.sub("***", _PATH.sub("<path>", text))


def _place(filename: str) -> str:
    """The last parts of a source file's name: enough to find it, nothing of the person's folders."""
    return "/".join(Path(filename).parts[-3:])


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
