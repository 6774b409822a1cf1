"""What the twin sends to others lies where it lies here, left and right included, and lost tools are not shown."""

from __future__ import annotations

import numpy as np
import pytest

from surgtwin.domain.plan import Plan
from surgtwin.domain.trajectory import Ablation
from surgtwin.live.freshness import Freshness
from surgtwin.live.guidance import Guidance, ToolPlace
from surgtwin.live.igtl_client import IgtlClient
from surgtwin.live.igtl_server import IgtlServer
from surgtwin.live.openigtlink import decode, encode
from surgtwin.live.publish import device_names, plan_message, surface_messages, tool_message
from tests.live.liver_scene import TUMOUR_MM, make_twin, make_way
from tests.live.test_igtl_link import Box, free_port, wait_for

RAS = np.array([-1.0, -1.0, 1.0])


@pytest.fixture(scope="module")
def twin():
    return make_twin()


def volume_ml(points: np.ndarray, triangles: np.ndarray) -> float:
    a, b, c = (points[triangles[:, n]] for n in range(3))
    return float(np.einsum("nc,nc->n", a, np.cross(b, c)).sum() / 6000.0)


def test_surfaces_arrive_in_ras_and_stay_outward(twin) -> None:
    box = Box()
    with IgtlServer(0) as server, IgtlClient("127.0.0.1", server.port, box.arrivals.append):
        wait_for(lambda: server.peers)
        for message in surface_messages(twin):
            server.send(message)
        wait_for(lambda: len(box.arrivals) == len(twin.meshes))
    for arrival, mesh in zip(box.arrivals, twin.meshes, strict=True):
        content = arrival.message.content
        assert arrival.message.device == mesh.name
        assert content.points_mm * RAS == pytest.approx(mesh.vertices_mm, abs=1e-3)
        mine = volume_ml(mesh.vertices_mm, mesh.triangles)
        assert volume_ml(content.points_mm, content.triangles) == pytest.approx(mine, rel=1e-3)
        assert mine > 0


def test_a_foreign_peer_reads_the_plans_points() -> None:
    pyigtl = pytest.importorskip("pyigtl")
    zone = Ablation("zone", "tumour", tuple(TUMOUR_MM), (1, 0, 0), (20, 15, 15))
    message = plan_message(Plan(trajectories=(make_way(),), ablations=(zone,)), "Plan")
    theirs = pyigtl.OpenIGTLinkServer(port=(port := free_port()), local_server=True)
    try:
        with IgtlClient("127.0.0.1", port, print) as client:
            wait_for(theirs.is_connected)
            client.send(message)
            found = theirs.wait_for_message("Plan", timeout=20)
    finally:
        theirs.stop()
    assert [name.strip("\0") for name in found.names] == ["to the tumour entry", "to the tumour target", "zone centre"]
    assert np.asarray(found.positions[1]) * RAS == pytest.approx(TUMOUR_MM, abs=1e-3)


def test_a_tool_is_sent_with_its_tip_and_shaft() -> None:
    shaft = np.array([-0.6, 0.0, 0.8])
    place = ToolPlace(tuple(TUMOUR_MM), tuple(shaft))
    sent = decode(encode(tool_message(Guidance(Freshness.LIVE, 0.01, place)))).content
    assert sent.matrix[:3, 3] * RAS == pytest.approx(TUMOUR_MM, abs=1e-3)
    assert sent.matrix[:3, 2] * RAS == pytest.approx(shaft, abs=1e-6)


@pytest.mark.parametrize("freshness", [Freshness.STALE, Freshness.LOST])
def test_a_tool_that_is_stale_is_sent_as_lost(freshness) -> None:
    message = tool_message(Guidance(freshness, 0.7), "Probe")
    assert (message.kind, message.device, message.content.code) == ("STATUS", "Probe", 4)


def test_long_names_stay_apart() -> None:
    names = device_names(("portal vein branches of segment 5", "portal vein branches of segment 8", "liver"))
    assert len(set(names.values())) == 3
    assert all(len(name) <= 20 for name in names.values())
    assert names["liver"] == "liver"
