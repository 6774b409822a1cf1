"""The live commands from the command line, over real sockets: one JSON line an event."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest

from surgtwin.live.igtl_client import IgtlClient
from surgtwin.live.igtl_fields import LPS_FROM_RAS
from surgtwin.live.igtl_poses import Transform
from surgtwin.live.igtl_server import IgtlServer
from surgtwin.live.openigtlink import Message
from tests.live.recordings import frame_fields, pictures, write_mha
from tests.live.test_igtl_link import Box, free_port, wait_for
from tests.ui.cli.conftest import Case
from ui.cli.main import main


class Running:
    """A command on a thread of its own."""

    def __init__(self, *argv: object) -> None:
        self.code: int | None = None
        self._thread = threading.Thread(target=self._run, args=([str(a) for a in argv],), daemon=True)

    def _run(self, argv: list[str]) -> None:
        self.code = main(argv)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._thread.join(60)
        assert not self._thread.is_alive(), "the command did not end"


def lines_of(capsys) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def streaming(server: IgtlServer, message: Message, stop: threading.Event) -> threading.Thread:
    def work() -> None:
        while not stop.wait(0.02):
            server.send(message)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_listen_tells_a_tools_place_and_its_clearances(case: Case, capsys) -> None:
    from surgtwin.store.load import load_twin

    middle = load_twin(case.twin).labels.grid.center()
    pose = np.eye(4)
    pose[:3, 3] = middle
    message, stop = Message("TRANSFORM", "tool", Transform(np.asarray(LPS_FROM_RAS @ pose))), threading.Event()
    with IgtlServer(0) as server:
        streaming(server, message, stop)
        code = main(["live", "listen", str(case.twin), "--igtl", f"127.0.0.1:{server.port}", "--for", "2s", "--json"])
        stop.set()
    lines = lines_of(capsys)
    assert code == 0
    assert [line["event"] for line in lines[:3]] == ["started", "connected", "freshness"]
    poses = [line for line in lines if line["event"] == "pose"]
    assert 3 <= len(poses) <= 2 * 20 + 1
    assert poses[0]["tip_lps_mm"] == pytest.approx(list(middle), abs=1e-3)
    near = {name: mm for name, mm in poses[0]["clearances_mm"].items() if "liver" in name or "pleen" in name}
    assert near["liver"] == pytest.approx(12 - 9, abs=1.5)
    assert next(mm for name, mm in near.items() if "pleen" in name) == pytest.approx(12 - 7, abs=1.5)
    assert lines[-1]["event"] == "health" and lines[-1]["received"] > 10 and lines[-1]["refused"] == {}


def test_listen_says_that_nobody_is_there(case: Case, capsys) -> None:
    code = main(["live", "listen", str(case.twin), "--igtl", f"127.0.0.1:{free_port()}", "--for", "500ms", "--json"])
    lines = lines_of(capsys)
    assert code == 0
    closed = [line["text"] for line in lines if line["event"] == "closed"]
    assert closed and "can't be reached" in closed[0]
    assert lines[-1]["words"] == ["Nothing has come from it."]


def test_listen_refuses_a_registration_that_is_no_rigid_motion(case: Case, tmp_path, capsys) -> None:
    path = tmp_path / "m.json"
    path.write_text(json.dumps(np.diag([2.0, 1, 1, 1]).tolist()), encoding="utf-8")
    argv = ["live", "listen", str(case.twin), "--igtl", "127.0.0.1:9", "--for", "1s", "--lps-from-tracker", str(path)]
    assert main(argv) == 3
    assert "not rigid" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["nohost", "host:", ":18944", "host:0", "host:70000", "host:x"])
def test_addresses_that_are_none_are_usage_errors(case: Case, given) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["live", "listen", str(case.twin), "--igtl", given])
    assert stopped.value.code == 2


def test_replay_serves_a_recording_to_whoever_connects(tmp_path, capsys) -> None:
    path = write_mha(tmp_path / "a.igs.mha", pictures(4), frame_fields(4, lost=(2,)))
    port, box = free_port(), Box()
    with (
        IgtlClient("127.0.0.1", port, box.arrivals.append),
        Running("live", "replay", path, "--port", port, "--speed", 2, "--json") as running,
    ):
        wait_for(lambda: len(box.arrivals) == 13)
    assert running.code == 0
    lines = lines_of(capsys)
    assert [line["event"] for line in lines] == ["listening", "connected", "lost", "found", "end", "stopped"]
    assert lines[2] == {"event": "lost", "frame": 2, "name": "StylusToTracker"}
    assert lines[-1]["frames"] == 4


def test_doctor_tells_every_test(capsys) -> None:
    main(["live", "doctor", "--port", str(free_port()), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert {t["name"] for t in told["tests"]} == {"versions", "port", "round trip", "clock"}
    with IgtlServer(0) as server:
        assert main(["live", "doctor", "--port", str(server.port)]) == 5
    assert "FAILED  port" in capsys.readouterr().out


def test_listen_follows_a_simulated_tool_through_a_dropout(case: Case, capsys) -> None:
    port = free_port()
    simulate = ["live", "simulate", case.twin, "--around", "liver", "--port", port, "--dropouts", 60, "--for", "6s"]
    with Running(*simulate, "--json"):
        code = main(["live", "listen", str(case.twin), "--igtl", f"127.0.0.1:{port}", "--for", "5s", "--json"])
    assert code == 0
    lines = lines_of(capsys)
    mine = [line for line in lines if line.get("source")]
    lost = [n for n, line in enumerate(mine) if line["event"] == "freshness" and line["freshness"] == "lost"]
    assert lost, "sixty drop-outs a minute, and none was told"
    after = [line["event"] for line in mine[lost[0] + 1 :]]
    assert "pose" not in after or "freshness" in after[: after.index("pose")]


def test_publish_sends_the_twins_surfaces_to_whoever_connects(case: Case, capsys) -> None:
    port, box = free_port(), Box()
    with (
        Running("live", "publish", case.twin, "--port", port, "--for", "6s", "--json") as running,
        IgtlClient("127.0.0.1", port, box.arrivals.append),
    ):
        wait_for(lambda: len(box.arrivals) >= 3)
    assert running.code == 0
    assert {a.message.kind for a in box.arrivals} == {"POLYDATA"}
    assert [line["messages"] for line in lines_of(capsys) if line["event"] == "sent"] == [len(box.arrivals)]


def test_listen_tells_when_a_fixed_marker_drifts(case: Case, capsys) -> None:
    stop = threading.Event()

    def place(x: float) -> Transform:
        matrix = np.eye(4)
        matrix[0, 3] = x
        return Transform(matrix)

    with IgtlServer(0) as server:

        def work() -> None:
            tick = 0
            while not stop.wait(0.01):
                tick += 1
                server.send(Message("TRANSFORM", "A", place(0.0)))
                server.send(Message("TRANSFORM", "B", place(40.0 + min(tick * 0.05, 30.0))))

        threading.Thread(target=work, daemon=True).start()
        argv = ["live", "listen", str(case.twin), "--igtl", f"127.0.0.1:{server.port}", "--fixed", "A,B"]
        assert main([*argv, "--for", "6s", "--json"]) == 0
        stop.set()
    drifts = [line for line in lines_of(capsys) if line["event"] == "drift"]
    assert len(drifts) == 1
    assert drifts[0]["devices"] == ["A", "B"] and "B has moved" in drifts[0]["text"]
