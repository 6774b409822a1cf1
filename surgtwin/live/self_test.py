"""Whether this computer can follow live sources: its port, its network to itself, its clock, its libraries."""

from __future__ import annotations

import platform
import queue
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import SourceError
from ..version import VERSION
from .freshness import STALE_S
from .igtl_client import Arrival, IgtlClient
from .igtl_poses import Transform
from .igtl_server import IgtlServer
from .openigtlink import Message

ROUNDS = 200
WAIT_S = 5.0
GOOD_MS, USABLE_MS = 5.0, 50.0
CLOCK_TESTED_S = 0.5
CLOCK_OFF_MS = 20.0


@dataclass(frozen=True)
class SelfTestResult:
    """One thing tested; `advice` says what to do where it failed. `figures` are for scripts."""

    name: str
    is_ok: bool
    text: str
    advice: str = ""
    figures: tuple[tuple[str, float], ...] = ()


def run_self_test(port: int = 18944) -> tuple[SelfTestResult, ...]:
    """Every test, in about two seconds; none of them raises."""
    return (_versions(), _port(port), _round_trip(), _clock())


def _versions() -> SelfTestResult:
    from importlib.metadata import version

    text = f"surgtwin {VERSION}, Python {platform.python_version()}, fastcrc {version('fastcrc')}, OpenIGTLink 1 to 3"
    return SelfTestResult("versions", True, text)


def _port(port: int) -> SelfTestResult:
    try:
        with IgtlServer(port):
            return SelfTestResult("port", True, f"Port {port} is free.")
    except SourceError as error:
        return SelfTestResult("port", False, str(error), "Close the program that holds it, or give another --port.")


def _round_trip() -> SelfTestResult:
    """A pose to this computer itself and back, as often as a tracker sends in some seconds."""
    try:
        times_ms = measure_round_trip(ROUNDS)
    except SourceError as error:
        advice = "A firewall may keep programs from talking to this computer itself (127.0.0.1)."
        return SelfTestResult("round trip", False, str(error), advice)
    median, p95 = float(np.median(times_ms)), float(np.percentile(times_ms, 95))
    figures = (("median_ms", median), ("p95_ms", p95))
    text = f"A pose goes to this computer and back in {median:.2f} ms (95 % within {p95:.2f} ms)."
    if p95 <= GOOD_MS:
        return SelfTestResult("round trip", True, text, figures=figures)
    advice = "Close other programs: poses wait for the processor."
    return SelfTestResult("round trip", p95 <= USABLE_MS, text, advice, figures)


def measure_round_trip(rounds: int) -> list[float]:
    """Milliseconds that a pose takes through a server, a client, and back. Raises SourceError if one gets lost."""
    back: queue.Queue[float] = queue.Queue()
    message = Message(Transform.KIND, "self-test", Transform(np.eye(4)))

    def answered(arrival: Arrival) -> None:
        back.put(time.perf_counter())

    found = []
    with IgtlServer(0, arrived=answered) as server:
        client: IgtlClient

        def echo(arrival: Arrival) -> None:
            client.send(arrival.message)

        client = IgtlClient("127.0.0.1", server.port, echo)
        with client:
            _wait(lambda: server.peers > 0)
            for _ in range(rounds):
                begin = time.perf_counter()
                server.send(message)
                try:
                    found.append((back.get(timeout=WAIT_S) - begin) * 1000.0)
                except queue.Empty as error:
                    raise SourceError(f"A pose did not come back within {WAIT_S:g} s.") from error
    return found


def _wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > end:
            raise SourceError(f"No connection to this computer itself could be made within {WAIT_S:g} s.")
        time.sleep(0.001)


def _clock() -> SelfTestResult:
    """Whether the wall clock runs with the monotonic one: someone who sets it makes senders' times worthless."""
    before = time.time() - time.monotonic()
    time.sleep(CLOCK_TESTED_S)
    off_ms = 1000.0 * abs(time.time() - time.monotonic() - before)
    steps_ms = 1000.0 * time.get_clock_info("monotonic").resolution
    figures = (("off_ms", off_ms), ("resolution_ms", steps_ms))
    if off_ms > CLOCK_OFF_MS or steps_ms > 1000.0 * STALE_S / 10.0:
        text = f"The clock moved by {off_ms:.0f} ms within {CLOCK_TESTED_S:g} s, in steps of {steps_ms:.3f} ms."
        return SelfTestResult("clock", False, text, "Let a time service steer it slowly; do not set it.", figures)
    return SelfTestResult("clock", True, f"The clock runs evenly (to {off_ms:.2f} ms).", figures=figures)
