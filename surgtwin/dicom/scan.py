"""What image series an input holds: a folder, a file, a zip or a DICOMDIR with anything in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from ..domain.finding import Finding, Severity
from ..errors import DicomError
from ..progress import SILENT, Progress
from . import tags
from .apart import told_apart
from .describe import describe_stack
from .dicomdir import DICOMDIR_CLASS, files_there, indexed_in, listed_files, missing_files
from .duplicates import without_copies
from .file_ref import FileRef, Sources, safe_name
from .frame import Frame, Instance
from .frames import frames_of, read_instance
from .header import NotAnImageError, NotDicomError, read_header
from .locate import SkippedFile, is_zip, locate
from .series import SeriesInfo
from .stacks import split_into_stacks
from .values import raw

__all__ = ["ScanResult", "SeriesInfo", "SkippedFile", "scan"]

_THREADS = 4
_REPORT_EVERY = 16
_MOST_NAMED = 2
_DICOM_SUFFIXES = frozenset({"", ".dcm", ".dicom", ".dic", ".ima"})


@dataclass(frozen=True)
class ScanResult:
    """Every stack of every series, best first, and the files that were passed over."""

    series: tuple[SeriesInfo, ...]
    skipped: tuple[SkippedFile, ...]


def scan(path: Path, progress: Progress = SILENT) -> ScanResult:
    """Find the image series of an input. Nothing but headers is read.

    Raises
    ------
    DicomError
        If there is nothing at `path` or it cannot be opened. What is wrong with single files is told in `skipped`.
    """
    path = Path(path)
    with Sources() as sources:
        files, skipped = locate(path, sources, progress)
        if path.is_file() and not is_zip(path):
            index = listed_files(files[0], sources)
            files = files if index is None else files_there(files[0], index)
        else:
            index = indexed_in(files, sources, skipped)
        instances = _read_all(files, sources, skipped, progress)
        skipped += missing_files(index or (), files, skipped, instances)
        kept = without_copies(instances, sources, skipped)
    found = sorted((_with_what_is_lost(s, skipped) for s in _series(kept)), key=lambda s: (-s.score, s.key))
    return ScanResult(tuple(found), tuple(sorted(skipped, key=lambda s: str(s.path))))


def _read_all(files: list[FileRef], sources: Sources, skipped: list[SkippedFile], progress: Progress) -> list[Instance]:
    found: list[Instance] = []
    with ThreadPoolExecutor(_THREADS) as pool:
        for done, result in enumerate(pool.map(lambda ref: _read(ref, sources, progress), files)):
            if isinstance(result, Instance):
                found.append(result)
            else:
                skipped.append(result)
            if done % _REPORT_EVERY == 0:
                progress.update(done / len(files), "Reading headers")
    return found


def _read(ref: FileRef, sources: Sources, progress: Progress) -> Instance | SkippedFile:
    progress.check()
    try:
        with sources.open(ref) as stream:
            header = read_header(stream)
        if header.media_sop_class == DICOMDIR_CLASS:
            raise NotAnImageError("it is a DICOMDIR: an index of other files")
        return read_instance(ref, header)
    except NotDicomError as error:
        is_nested = ref.member is None and is_zip(ref.path)
        reason = "it is a zip inside a folder: open it by itself" if is_nested else str(error)
        return _skip(ref, reason, is_damaged=ref.size == 0 and _is_named_as_dicom(ref))
    except NotAnImageError as error:
        return _skip(ref, str(error))
    except DicomError as error:
        return _skip(ref, str(error), is_damaged=True)
    except OSError as error:
        return _skip(ref, f"it cannot be read ({error.strerror or type(error).__name__})", is_damaged=True)


def _is_named_as_dicom(ref: FileRef) -> bool:
    """True for what scanners and archives call their files: IM0001, 1.2.840.113, x.dcm; not for .nomedia, notes.txt."""
    name = PurePosixPath(ref.name)
    if name.name.startswith("."):
        return False
    return name.suffix.lower() in _DICOM_SUFFIXES or name.suffix[1:].isdigit()


def _skip(ref: FileRef, reason: str, *, is_damaged: bool = False) -> SkippedFile:
    return SkippedFile(Path(safe_name(ref.name)), reason, is_damaged)


def _series(instances: Iterable[Instance]) -> list[SeriesInfo]:
    by_series: dict[tuple[str, ...], list[Frame]] = defaultdict(list)
    for instance in instances:
        by_series[_series_key(instance)].extend(frames_of(instance))
    found = []
    unnamed = 0
    for frames in by_series.values():
        has_name = bool(frames[0].instance.series_instance_uid)
        unnamed += not has_name
        stacks = split_into_stacks(frames)
        apart = told_apart(stacks)
        for number, stack in enumerate(stacks, 1):
            name = str(number) if len(stacks) > 1 else ""
            series = describe_stack(stack, name, unnamed=0 if has_name else unnamed)
            if name:
                what = f"stack {number} of {len(stacks)} of its series: {apart[number - 1] or 'nothing tells it apart'}"
                series = replace(series, reasons=(what, *series.reasons))
            found.append(series)
    return found


def _with_what_is_lost(series: SeriesInfo, skipped: list[SkippedFile]) -> SeriesInfo:
    """The series, told of files of it that are missing or that may be of it and are damaged: its ends may be there."""
    if series.order is None:
        return series
    folders = {PurePosixPath(f.instance.ref.name).parent for f in series.stack_frames}
    missing = [s for s in skipped if s.listed_series and s.listed_series == series.series_instance_uid]
    damaged = [
        s
        for s in skipped
        if s.is_damaged and not s.listed_series and PurePosixPath(s.path.as_posix()).parent in folders
    ]
    found = []
    if missing:
        names = "; ".join(str(s.path) for s in missing[:_MOST_NAMED])
        message = (
            f"The DICOMDIR lists {len(missing)} files of this series that are not there ({names}"
            f"{_and_more(missing)}): slices are missing. Copy the medium again."
        )
        numbers = {"files": float(len(missing))}
        found.append(Finding("listed-files-missing", Severity.WARNING, message, numbers=numbers))
    if damaged:
        named = "; ".join(f"{s.path.name}: {s.reason}" for s in damaged[:_MOST_NAMED])
        message = (
            f"{len(damaged)} DICOM files in the folder of this series are damaged ({named}{_and_more(damaged)}). "
            "If they belong to it, slices are missing."
        )
        numbers = {"files": float(len(damaged))}
        found.append(Finding("damaged-files-nearby", Severity.WARNING, message, numbers=numbers))
    if series.refusal is None:
        return replace(series, findings=(*series.findings, *found))
    refusal = type(series.refusal)(" ".join([str(series.refusal), *(f.message for f in found)]))
    return replace(series, findings=(*series.findings, *found), refusal=refusal)


def _and_more(files: list[SkippedFile]) -> str:
    return f"; and {len(files) - _MOST_NAMED} more" if len(files) > _MOST_NAMED else ""


def _series_key(instance: Instance) -> tuple[str, ...]:
    """What the files of one series share; without a UID (anonymisers blank it) all else that should be the same."""
    if instance.series_instance_uid:
        return instance.study_instance_uid, instance.series_instance_uid
    of_series = (tags.FRAME_OF_REFERENCE_UID, tags.SERIES_NUMBER, tags.SERIES_DESCRIPTION, tags.PATIENT_ID)
    told = (raw(instance.elements, tag).decode("latin-1") for tag in of_series)
    folder = str(PurePosixPath(instance.ref.name).parent)
    return instance.study_instance_uid, "", instance.modality, folder, *told
