"""A worker process of `surgtwin batch`: reads tasks, one JSON document a line, and answers each.

It ends at once when its input ends, so that nothing outlives a batch that was killed. What libraries print goes
nowhere.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from surgtwin.errors import InputError, MemoryLimitError, ResourceError, SurgTwinError
from surgtwin.pipeline.batch_case import CaseJob, make_case
from surgtwin.pipeline.batch_identity import names_in, without_names
from surgtwin.pipeline.batch_inputs import InputUnit
from surgtwin.pipeline.batch_protocol import Protocol
from surgtwin.pipeline.batch_select import Candidate, candidates
from surgtwin.progress import Progress

if TYPE_CHECKING:
    from segmentation.segmenter import UNetSegmenter
    from surgtwin.domain.twin import Twin
    from surgtwin.domain.volume import Volume
    from surgtwin.pipeline.ports import Segmentation

REPORT_EVERY_S = 0.5
Json = dict[str, Any]
MODALITIES = ("CT", "MR")


def main() -> int:
    """Take tasks until the input ends."""
    answers = _own_stdout()
    tasks: queue.SimpleQueue[Json] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin, tasks), daemon=True).start()
    worker = CaseWorker(Protocol.from_json(tasks.get()["protocol"]))
    while True:
        task = tasks.get()
        _write(answers, _answer(worker, task, Progress(_reporter(answers))))


class CaseWorker:
    """Does the tasks of one protocol; its network stays in memory for the next case."""

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        self._segmenter: UNetSegmenter | None = None
        self._model_sha256 = cache(self._hash_model)

    def look(self, path: Path, may_be_empty: bool, progress: Progress) -> Json:
        """The images of a unit, and by which model each that is taken would be segmented."""
        found = candidates(InputUnit(path, may_be_empty), self._protocol, progress)
        return {"candidates": [{**c.as_json(), "model_sha256": self._model_of(c)} for c in found]}

    def case(self, job: CaseJob, progress: Progress) -> Json:
        """The record of a case that was made."""
        return {"record": make_case(job, self._protocol, self._segment, self._draw, progress)}

    def _draw(self, twin: Twin, folder: Path, progress: Progress) -> None:
        from .batch_drawing import draw_case

        draw_case(twin, folder, self._protocol, progress)

    def _segment(self, volume: Volume, progress: Progress) -> Segmentation:
        if self._segmenter is None:
            from segmentation.infer import InferenceSettings
            from segmentation.segmenter import UNetSegmenter

            network = self._protocol.network
            settings = InferenceSettings(device=network.device, mode=network.mode)
            structures = network.structures or None
            self._segmenter = UNetSegmenter(network.model or None, settings, structures=structures)
        return self._segmenter.segment(volume, progress)

    def _model_of(self, candidate: Candidate) -> str:
        if not candidate.is_taken or candidate.labels:
            return ""
        modalities = (candidate.modality,) if candidate.modality in MODALITIES else MODALITIES
        model = self._protocol.network.model
        return self._model_sha256(model) if model else "".join(self._model_sha256(f"for {m}") for m in modalities)

    def _hash_model(self, name: str) -> str:
        from segmentation.collection_file import read_collection
        from segmentation.registry import find_model, shipped_for

        is_shipped = name.startswith("for ") and not self._protocol.network.model
        folder = shipped_for(name.removeprefix("for ")).folder if is_shipped else find_model(name)
        return read_collection(folder).sha256()


def _answer(worker: CaseWorker, task: Json, progress: Progress) -> Json:
    """What is sent back; an error of any kind becomes a failure of a known type, its message without names."""
    what = task.pop("do")
    path = Path(task["path"] if what == "look" else task["load_path"])
    try:
        if what == "look":
            return {"answer": worker.look(path, bool(task["may_be_empty"]), progress)}
        return {"answer": worker.case(CaseJob(**task), progress)}
    except (MemoryError, MemoryLimitError) as error:
        return _failure("memory", str(error) or "There was not enough memory.", path)
    except InputError as error:
        return _failure("input", str(error), path)
    except ResourceError as error:
        return _failure("resource", str(error), path)
    except SurgTwinError as error:
        return _failure("crash", f"{type(error).__name__}: {error}", path)
    except OSError as error:
        return _failure("resource", f"The system refused: {error.strerror or type(error).__name__}.", path)
    except Exception as error:  # noqa: BLE001 - a fault of the program in one case must be named and end that case only
        return _failure("crash", f"A fault of the program: {type(error).__name__} at {_place(error)}.", path)


def _failure(kind: str, message: str, path: Path) -> Json:
    public = without_names(message, names_in(path))
    return {"failure": {"type": kind, "message": public, "private_message": message}}


def _place(error: BaseException) -> str:
    """File and line where it arose; never the message, which may hold anything."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "an unknown place" if trace is None else f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"


def _own_stdout() -> TextIO:
    """A stream to the parent that no library writes to: what is printed from here on goes nowhere."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    return answers


def _read(stream: TextIO, tasks: queue.SimpleQueue[Json]) -> None:
    for line in stream:
        tasks.put(json.loads(line))
    os._exit(0)


def _write(answers: TextIO, message: Json) -> None:
    answers.write(json.dumps(message, allow_nan=False) + "\n")
    answers.flush()


def _reporter(answers: TextIO) -> Callable[[float, str], None]:
    last = time.monotonic()
    lock = threading.Lock()

    def report(fraction: float, stage: str) -> None:
        nonlocal last
        with lock:
            now = time.monotonic()
            if now - last >= REPORT_EVERY_S:
                last = now
                _write(answers, {"progress": fraction, "stage": stage})

    return report


if __name__ == "__main__":
    sys.exit(main())
