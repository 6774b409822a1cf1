"""Jobs: on a worker thread, answered on the main thread, cancelled, and never stale."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from surgtwin.errors import ImageError
from surgtwin.progress import Progress
from ui.desktop.jobs import JobRunner
from ui.desktop.time_left import time_left

pytestmark = pytest.mark.desktop


@pytest.fixture
def jobs(qapp: object) -> Iterator[JobRunner]:
    runner = JobRunner()
    yield runner
    runner.close()


def test_work_runs_elsewhere_and_the_answer_comes_to_the_main_thread(jobs: JobRunner, qtbot: Any) -> None:
    threads: list[int] = []
    answers: list[tuple[int, int]] = []

    def work(progress: Progress) -> int:
        threads.append(threading.get_ident())
        progress.update(0.5, "Half way")
        return 42

    with qtbot.waitSignals([jobs.started, jobs.progressed, jobs.finished, jobs.idle], order="strict"):
        jobs.run("Count", work, lambda n: answers.append((n, threading.get_ident())))
    assert answers == [(42, threading.main_thread().ident)]
    assert threads[0] != threading.main_thread().ident


def test_cancelled_work_stops_at_its_next_report(jobs: JobRunner, qtbot: Any) -> None:
    reached = threading.Event()
    done: list[object] = []

    def work(progress: Progress) -> None:
        reached.set()
        while True:
            progress.check()

    jobs.run("Endless", work, done.append)
    assert reached.wait(10)
    with qtbot.waitSignal(jobs.cancelled):
        jobs.cancel()
    assert not jobs.is_running
    assert done == []


def test_error_of_the_work_reaches_the_main_thread(jobs: JobRunner, qtbot: Any) -> None:
    def work(progress: Progress) -> None:
        raise ImageError("Nothing there.")

    with qtbot.waitSignal(jobs.failed) as heard:
        jobs.run("Fail", work)
    assert isinstance(heard.args[0], ImageError)


def test_result_of_a_replaced_job_is_dropped_and_closed(jobs: JobRunner, qtbot: Any) -> None:
    go = threading.Event()
    done: list[str] = []
    closed: list[str] = []

    def first(progress: Progress) -> str:
        go.wait(10)
        return "first"

    jobs.run("First", first, done.append, on_stale=closed.append)
    with qtbot.waitSignal(jobs.finished):
        jobs.run("Second", lambda progress: "second", done.append)
    go.set()
    qtbot.waitUntil(lambda: bool(closed))
    assert done == ["second"]
    assert closed == ["first"]


def test_result_nobody_wants_any_more_is_dropped(jobs: JobRunner, qtbot: Any) -> None:
    done: list[int] = []
    closed: list[int] = []
    with qtbot.waitSignal(jobs.finished):
        jobs.run("Late", lambda progress: 1, done.append, is_current=lambda: False, on_stale=closed.append)
    assert (done, closed) == ([], [1])


@pytest.mark.parametrize(
    ("fraction", "elapsed_s", "words"),
    [
        (0.5, 1.0, ""),
        (0.01, 30.0, ""),
        (0.5, 5.0, "a few seconds left"),
        (0.5, 31.0, "about 30 s left"),
        (0.25, 60.0, "about 3 min left"),
        (0.1, 1800.0, "about 4.5 h left"),
        (1.0, 60.0, ""),
    ],
)
def test_time_left_is_said_only_when_it_can_be(fraction: float, elapsed_s: float, words: str) -> None:
    assert time_left(fraction, elapsed_s) == words
