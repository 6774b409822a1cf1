"""The self-test says in words what works, and what to do about what does not."""

from __future__ import annotations

from surgtwin.live.igtl_server import IgtlServer
from surgtwin.live.self_test import measure_round_trip, run_self_test
from tests.live.test_igtl_link import free_port


def test_a_sound_computer_passes() -> None:
    results = {r.name: r for r in run_self_test(free_port())}
    assert set(results) == {"versions", "port", "round trip", "clock"}
    assert all(r.text for r in results.values())
    assert results["port"].is_ok and results["versions"].is_ok
    assert dict(results["round trip"].figures)["median_ms"] > 0


def test_a_port_that_is_taken_is_told_with_advice() -> None:
    with IgtlServer(0) as server:
        port = next(r for r in run_self_test(server.port) if r.name == "port")
    assert not port.is_ok
    assert str(server.port) in port.text and "another --port" in port.advice


def test_every_round_is_measured() -> None:
    times = measure_round_trip(20)
    assert len(times) == 20
    assert all(t > 0 for t in times)
