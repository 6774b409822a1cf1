"""Worker processes of a batch: a task ends its own process at most, and every end has a type."""

from __future__ import annotations

import sys
import time

import psutil
import pytest

from surgtwin.pipeline.batch_process import Task, TaskLimits
from surgtwin.pipeline.batch_workers import WorkerPool

WORKER = """
import json, os, signal, sys, time
first = json.loads(sys.stdin.readline())
for line in sys.stdin:
    task = json.loads(line)
    what = task["do"]
    if what == "grow":
        held = []
        while True:
            held.append(bytearray(8 << 20)); time.sleep(0.005)
    if what == "sleep": time.sleep(60)
    if what == "abort": os.abort()
    if what == "exit": os._exit(7)
    if what == "killed": os.kill(os.getpid(), signal.SIGKILL)
    print("noise that is no answer")
    print(json.dumps({"progress": 0.5, "stage": "half"}))
    if what == "refuse":
        print(json.dumps({"failure": {"type": "input", "message": "bad", "private_message": "bad name"}}))
    else:
        print(json.dumps({"answer": {"pid": os.getpid(), "first": first["hello"]}}))
    sys.stdout.flush()
"""
COMMAND = (sys.executable, "-c", WORKER)
MB = 2**20


def run(tasks, count=1, limits=TaskLimits(), again=lambda result: None):  # noqa: B008 - a frozen value
    results = []

    def done(result):
        results.append(result)
        return again(result)

    with WorkerPool(COMMAND, {"hello": "you"}, count, limits) as pool:
        pool.run(tasks, done)
    return results


def task(what, name="", **options):
    return Task(name or what, {"do": what}, **options)


def test_one_process_takes_task_after_task():
    results = run([task("work", str(n)) for n in range(5)])
    assert [r.task.name for r in results] == ["0", "1", "2", "3", "4"]
    assert len({r.answer["pid"] for r in results}) == 1 and results[0].answer["first"] == "you"


def test_a_refused_input_keeps_the_process_and_its_message_for_the_operator():
    first, refused, last = run([task("work", "a"), task("refuse"), task("work", "b")])
    assert (refused.failure, refused.message, refused.private_message) == ("input", "bad", "bad name")
    assert first.answer["pid"] == last.answer["pid"]


@pytest.mark.parametrize(
    ("what", "kind", "said"),
    [
        ("abort", "crash", "SIGABRT"),
        ("exit", "crash", "code 7"),
        ("killed", "memory", "memory"),
        ("sleep", "time", "0.3 s"),
        ("grow", "memory", "150 are allowed"),
    ],
)
def test_however_a_task_ends_the_next_one_is_done(what, kind, said):
    limits = TaskLimits(150 * MB, 30.0)
    own = TaskLimits(150 * MB, 0.3) if what == "sleep" else None
    failed, good = run([task(what, limits=own), task("work")], limits=limits)
    assert failed.failure == kind and said in failed.message
    assert not good.failure and good.answer


def test_two_run_at_a_time_but_one_that_wants_to_be_alone_is():
    started = time.monotonic()
    limits = TaskLimits(None, 1.0)
    results = run([task("sleep", "a"), task("sleep", "b"), task("work", "c", alone=True)], count=2, limits=limits)
    assert [r.task.name for r in results][-1] == "c"
    assert {r.failure for r in results if r.task.name != "c"} == {"time"}
    assert time.monotonic() - started < 1.9, "they did not wait for each other"


def test_a_result_may_ask_for_another_try():
    results = run([task("abort"), task("work", "b")], again=lambda r: task("work", "again") if r.failure else None)
    assert [r.task.name for r in results] == ["abort", "b", "again"]


def test_no_process_is_left_when_a_pool_is_left_by_an_interrupt():
    before = {p.pid for p in psutil.Process().children(recursive=True)}

    def interrupt(task, fraction, stage):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), WorkerPool(COMMAND, {"hello": ""}, 2, TaskLimits()) as pool:
        pool.run([task("work"), task("sleep")], lambda result: None, progressed=interrupt)
    left = [p for p in psutil.Process().children(recursive=True) if p.pid not in before]
    assert left == []
