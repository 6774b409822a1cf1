"""A whole operation: planned, tracked, scanned, killed, restarted; one update accepted, one not; the log tells it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from sample_data.phantom import PhantomSpec, make_phantom
from surgtwin.dicom.write import write_series
from surgtwin.domain.cut import PlaneCut
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.patient import Patient
from surgtwin.domain.plan import Plan, Resection
from surgtwin.domain.saved_plan import PlanState
from surgtwin.domain.tool import NeedleTool
from surgtwin.domain.trajectory import Avoid, Trajectory
from surgtwin.domain.twin import Twin
from surgtwin.live.igtl_server import IgtlServer
from surgtwin.live.replay import Replay
from surgtwin.live.scan_simulator import ScanSettings, SimulatedScan, simulate_scan
from surgtwin.live.scan_truth import score, truth_of
from surgtwin.live.sequence_file import read_sequence
from surgtwin.live.simulate import AlongWay
from surgtwin.pipeline.build_twin import build_twin
from surgtwin.pipeline.ports import Segmentation
from surgtwin.planning.approval import approve_plan
from surgtwin.planning.evaluate import evaluate_plan
from surgtwin.planning.plan_versions import plan_of, save_plan
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.store.load import load_twin
from surgtwin.store.save import save_twin
from surgtwin.store.verify import verify_twin
from surgtwin.store.writer import TwinWriter
from tests.conftest import rotation
from tests.live.recordings import write_mha
from ui.cli.main import main

pytestmark = pytest.mark.slow
KEPT = ("liver", "tumour 1", "portal vein branches", "right kidney", "aorta")
DEVICE = "StylusToTracker"
SEEN, LOST, GAP_S, SPEED = 14, 30, 0.05, 12.0
"""Frames in which the stylus is seen, then not: long enough to be stale."""
KILLED_WHILE_SAVING = """
import os, sys
from pathlib import Path
from surgtwin.pipeline.images import open_image
from surgtwin.pipeline.take_in import take_in
from surgtwin.progress import Progress
from surgtwin.store.writer import TwinWriter
def die(fraction, stage):
    if stage == "Saving meshes":
        os.kill(os.getpid(), 9)
with TwinWriter(Path(sys.argv[1])) as writer:
    take_in(writer, open_image(Path(sys.argv[2]))[0], accept=True, progress=Progress(die))
"""


@dataclass(frozen=True)
class Theatre:
    """The case on disk, the recording of its tracker, and how that lies to the patient."""

    case: Path
    recording: Path
    way_file: Path
    lps_from_tracker: np.ndarray


@pytest.fixture(scope="module")
def theatre(tmp_path_factory) -> Theatre:
    folder = tmp_path_factory.mktemp("operation")
    twin = the_twin()
    save_twin(twin, folder / "case.twin")
    plan = the_plan(twin)
    with TwinWriter(folder / "case.twin") as writer:
        save_plan(writer, plan, "op", by="Dr. A")
        judged = evaluate_plan(TwinGeometry(writer.twin), plan)
        approve_plan(writer, writer.twin, "op", judged, by="Dr. B", despite="a rehearsal")
    matrix = np.eye(4)
    matrix[:3, :3] = rotation((35.0, -50.0, 80.0))
    matrix[:3, 3] = (210.0, -90.0, -1400.0)
    (folder / "way.json").write_text(json.dumps({"matrix": matrix.tolist(), "tre_mm": 1.0}))
    recording = write_mha(folder / "stylus.igs.mha", None, stylus(plan.trajectories[0], matrix))
    return Theatre(folder / "case.twin", recording, folder / "way.json", matrix)


def the_twin() -> Twin:
    """The phantom with the structures that the operation is about, from its own truth."""
    made = make_phantom(PhantomSpec(shape=(60, 104, 104), spacing_mm=(3.4, 3.4, 4.5), reference_step_mm=None))
    kept = tuple(s for s in made.labels.structures if s.name in KEPT)
    wanted = np.isin(made.labels.layers[0], [s.label for s in kept])
    labels = LabelMap(made.labels.grid, (np.where(wanted, made.labels.layers[0], 0).astype(np.uint8),), kept)
    return build_twin(made.volume, lambda v, p: Segmentation(labels, dict.fromkeys(KEPT, "the phantom's truth")))


def the_plan(twin: Twin) -> Plan:
    """A needle from the front to the tumour, and a cut 14 mm behind it."""
    tumour = np.asarray(twin.mesh("tumour 1").vertices_mm).mean(axis=0)
    needle = Trajectory(
        "biopsy",
        tuple(tumour + np.array([-8.0, -95.0, 10.0])),
        tuple(tumour),
        NeedleTool(0.8, 200.0),
        (Avoid("portal vein branches", 2.0), Avoid("aorta", 5.0)),
    )
    liver = np.asarray(twin.mesh("liver").vertices_mm).mean(axis=0)
    inward = (liver - tumour) / np.linalg.norm(liver - tumour)
    cut = PlaneCut(tuple(tumour + 24.0 * inward), tuple(-inward))
    return Plan(
        resections=(Resection("wedge", "liver", cut, targets=("tumour 1",), margin_mm=5.0),), trajectories=(needle,)
    )


def stylus(way: Trajectory, lps_from_tracker: np.ndarray) -> dict[str, str]:
    """A stylus that follows the needle's way, then is hidden."""
    motion, tracker_from_lps, fields = AlongWay(way, SPEED), np.linalg.inv(lps_from_tracker), {}
    for n in range(SEEN + LOST):
        matrix = tracker_from_lps @ motion.pose(4.0 + n * GAP_S)
        fields[f"Seq_Frame{n:04d}_{DEVICE}Transform"] = " ".join(f"{v:.9g}" for v in matrix.ravel())
        fields[f"Seq_Frame{n:04d}_{DEVICE}TransformStatus"] = "OK" if n < SEEN else "INVALID"
        fields[f"Seq_Frame{n:04d}_Timestamp"] = f"{100 + n * GAP_S:.6f}"
    return fields


@contextmanager
def tracker(theatre: Theatre) -> Iterator[int]:
    """The recording, played again and again; its port."""
    stop = threading.Event()
    with IgtlServer(0) as server:
        replay = Replay(read_sequence(theatre.recording))
        thread = threading.Thread(target=replay.play, args=(server.send, stop), kwargs={"loop": True}, daemon=True)
        thread.start()
        yield server.port
        stop.set()
        thread.join(20)


@contextmanager
def listening(theatre: Theatre, port: int) -> Iterator[Iterator[dict]]:
    """The lines that a listening program writes; it is killed in the end, as a crash would."""
    argv = ["live", "listen", theatre.case, "--igtl", f"127.0.0.1:{port}", "--plan", "op", "--for", "200s", "--json"]
    argv += ["--lps-from-tracker", theatre.way_file]
    command = [sys.executable, "-m", "ui.cli.main", *(str(a) for a in argv)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as program:
        assert program.stdout is not None
        yield (json.loads(line) for line in program.stdout)
        program.kill()
    assert program.returncode == -signal.SIGKILL


def run_json(capsys, *argv: object, code: int = 0) -> dict:
    capsys.readouterr()
    assert main([*(str(a) for a in argv), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def arrived(
    theatre: Theatre, name: str, settings: ScanSettings, patient: Patient | None = None
) -> tuple[SimulatedScan, Path]:
    """A scan of the patient as they lie now, as the scanner's DICOM files."""
    scan = simulate_scan(load_twin(theatre.case), settings)
    folder = theatre.case.parent / name
    write_series(scan.volume, folder, description=name, patient=patient)
    return scan, folder


def is_approved(twin: Twin) -> bool:
    return twin.plan_status(twin.plans[0]).state is PlanState.APPROVED


def test_the_log_tells_the_story_and_the_numbers_hold(theatre: Theatre, capsys) -> None:
    built = load_twin(theatre.case)
    assert is_approved(built)
    the_tool_is_followed_lost_and_found(theatre, built)

    scan, folder = arrived(theatre, "first", ScanSettings("breathing", 9.0, noise=12.0, seed=5))
    truths = truth_of(built, scan)
    the_program_is_killed_while_it_saves(theatre, folder)
    updated = run_json(capsys, "live", "update", theatre.case, folder, "--accept", "--by", "Dr. A")
    assert updated["state"] == "accepted" and not updated["reasons"]
    carried = load_twin(theatre.case)
    for found in score(truths, carried.registration.field):
        assert found.mean_mm < max(0.5 * found.still_mean_mm, 1.0), found
    the_plan_went_along(built, carried, scan)
    the_tool_is_followed_lost_and_found(theatre, carried)

    _, folder = arrived(theatre, "second", ScanSettings("insufflation", 12.0, noise=12.0, seed=6))
    second = run_json(capsys, "live", "update", theatre.case, folder)
    assert second["state"] == "proposed"
    run_json(capsys, "live", "judge", theatre.case, second["revision"], "--reject", "--by", "Dr. A")
    _, folder = arrived(theatre, "stranger", ScanSettings("none"), replace(built.patient, patient_id="SOMEBODY-ELSE"))
    assert run_json(capsys, "live", "update", theatre.case, folder, "--accept", code=3)["error"]["exit_code"] == 3

    the_timeline_tells_it(theatre, capsys, updated["revision"], second["revision"])
    run_json(capsys, "revert", theatre.case, 1, "--by", "Dr. A")
    back = load_twin(theatre.case)
    assert back.revision.number == 1
    assert plan_of(back.plans[0].latest) == plan_of(built.plans[0].latest)
    assert verify_twin(theatre.case).ok


def the_tool_is_followed_lost_and_found(theatre: Theatre, twin: Twin) -> None:
    """Every pose that is told is where the stylus is; while it is not seen, no number is told."""
    way = plan_of(twin.plans[0].latest).trajectories[0]
    target = np.asarray(way.target_mm)
    frames = read_sequence(theatre.recording).frames[:SEEN]
    tips = np.array([(theatre.lps_from_tracker @ f.matrices[DEVICE])[:3, 3] for f in frames])
    poses, is_withheld, was_lost = 0, False, False
    with tracker(theatre) as port, listening(theatre, port) as lines:
        for line in lines:
            if line["event"] == "freshness":
                is_withheld = line["is_withheld"]
                was_lost |= is_withheld
            if line["event"] != "pose":
                continue
            assert not is_withheld, "a number was told while the stylus was not seen"
            poses += 1
            tip = np.array(line["tip_lps_mm"])
            assert np.linalg.norm(tips - tip, axis=1).min() < 1e-2
            assert line["path"]["to_target_mm"] == pytest.approx(np.linalg.norm(tip - target), abs=1e-2)
            if was_lost and poses > 5:
                return
    raise AssertionError("the program ended before the stylus was lost and found")


def the_program_is_killed_while_it_saves(theatre: Theatre, folder: Path) -> None:
    """Nothing of the update is there after a restart, and all that was there before is."""
    before = load_twin(theatre.case)
    done = subprocess.run([sys.executable, "-c", KILLED_WHILE_SAVING, str(theatre.case), str(folder)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert verify_twin(theatre.case).ok
    after = load_twin(theatre.case)
    assert (after.revision, after.shelf) == (before.revision, before.shelf)
    assert is_approved(after)


def the_plan_went_along(built: Twin, carried: Twin, scan: SimulatedScan) -> None:
    drawn, now = plan_of(built.plans[0].latest), plan_of(carried.plans[0].latest)
    target = np.array([drawn.trajectories[0].target_mm])
    truth = scan.truth.moved(target)[0]
    assert np.linalg.norm(truth - target[0]) > 4.0, "the tumour moved"
    assert np.linalg.norm(np.asarray(now.trajectories[0].target_mm) - truth) < 1.5
    assert len(carried.plans[0].versions) == 2
    assert not is_approved(carried), "an approval does not survive a revision"


def the_timeline_tells_it(theatre: Theatre, capsys, accepted: int, rejected: int) -> None:
    rows = {row["number"]: row for row in run_json(capsys, "timeline", theatre.case)["revisions"]}
    assert set(rows) == {1, accepted, rejected}, "neither the killed update nor the stranger's left anything"
    assert rows[1]["registration"] is None
    assert rows[accepted]["is_current"] and rows[accepted]["state"] == "accepted" and rows[accepted]["parent"] == 1
    assert rows[rejected]["state"] == "rejected" and rows[rejected]["parent"] == accepted
    for number in (accepted, rejected):
        assert "intra-op" in rows[number]["cause"]
        assert rows[number]["registration"]["base_revision"] == rows[number]["parent"]
        assert set(rows[number]["plan_verdicts"]) == {"op"} and rows[number]["plan_verdicts"]["op"]
    assert verify_twin(theatre.case).ok
