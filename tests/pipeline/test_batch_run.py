"""What a batch does when a case ends its process: it is tried once more, alone; then it is named."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from surgtwin.pipeline.batch_protocol import Protocol
from surgtwin.pipeline.batch_run import BatchJob, run_batch

WORKER = """
import json, os, pathlib, sys
sys.stdin.readline()
for line in sys.stdin:
    task = json.loads(line)
    if task["do"] == "look":
        name = pathlib.Path(task["path"]).name
        answer = {"candidates": [{
            "load_path": task["path"], "key": name, "study": "", "modality": "CT", "description": "", "slices": 9,
            "score": 1.0, "is_taken": True, "why": "", "input_sha256": name.encode().hex().ljust(64, "0"),
            "labels": "", "model_sha256": "m"}]}
    else:
        if "dies" in task["series_key"] and not (task["is_frugal"] and "once" in task["series_key"]):
            os.abort()
        record = {"case_id": task["case_id"], "key": task["key"], "state": "done", "failure": None, "modality": "CT",
                  "image_sha256": "0" * 64, "structures": [], "findings": [], "files": []}
        pathlib.Path(task["folder"], "case.json").write_text(json.dumps(record))
        answer = {"record": record}
    print(json.dumps({"answer": answer}), flush=True)
"""


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_case_that_crashes_is_tried_once_more_and_harms_no_other(tmp_path, jobs):
    names = ["a.nii", "b-dies-once.nii", "c-dies.nii", "d.nii"]
    for name in names:
        (tmp_path / name).write_bytes(b"")
    job = BatchJob(
        inputs=tuple(tmp_path / name for name in names),
        output=tmp_path / "out",
        protocol=Protocol(),
        worker_command=(sys.executable, "-c", WORKER),
        log=tmp_path / "log.jsonl",
        jobs=jobs,
    )
    pages = []
    outcome = run_batch(job, lambda folder, manifest, records: pages.append((folder, manifest)))
    assert outcome.exit_code == 4 and len(outcome.made) == 3
    assert [(f.input_number, f.type) for f in outcome.failures] == [(3, "crash")]
    events = [json.loads(line) for line in Path(job.log).read_text(encoding="utf-8").splitlines()]
    kinds = [e["event"] for e in events]
    assert kinds.count("case-retried") == 2 and kinds.count("case-failed") == 1 and kinds.count("case-started") == 6
    assert {p.name for p in (job.output / "cases").iterdir()} == set(outcome.made)
    assert [p.name for p in (job.output / ".work").iterdir() if p.is_dir()] == []
    assert pages[0][0] == job.output and pages[0][1]["counts"] == {"done": 3, "failed": 1, "left_out": 0}
