"""A display where there is none (Xvfb), and a small twin whose pictures can be foretold."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap, Structure
from surgtwin.domain.mesh import OrganMesh
from surgtwin.domain.patient import Patient
from surgtwin.domain.twin import Provenance, Revision, RevisionState, Twin, TwinImage
from surgtwin.domain.volume import Modality, SourceInfo, Volume

SCREEN = "1600x1200x24"
PR_SET_PDEATHSIG = 1
PATIENT = Patient("QX-774411", "", "Zyxwholm^Ottoline", "19610412", "F")
RED, BLUE, GREEN = (255, 0, 0), (0, 0, 255), (0, 255, 0)
BACKGROUND_HU, BODY_HU, LIVER_HU = -1000, 0, 120


def _has_display() -> bool:
    wanted = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    return sys.platform != "linux" or any(os.environ.get(name) for name in wanted)


def _die_with_parent() -> None:
    """Xvfb outlives the tests by nothing: Qt ends the process when its display goes first."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@pytest.fixture(scope="session", autouse=True)
def display() -> Iterator[None]:
    """The display that is there; else an Xvfb of our own; else Qt draws into memory (and `desktop` tests skip)."""
    if _has_display():
        yield
        return
    if shutil.which("Xvfb") is None:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        yield
        return
    read_end, write_end = os.pipe()
    command = ["Xvfb", "-displayfd", str(write_end), "-screen", "0", SCREEN, "-nolisten", "tcp"]
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(
        command,
        pass_fds=[write_end],
        stdout=quiet,
        stderr=quiet,
        preexec_fn=_die_with_parent,  # noqa: PLW1509
    )
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        number = pipe.readline().strip()
    assert server.poll() is None, "Xvfb did not start"
    # It must outlive Qt, so the kernel ends it with us: nobody waits for it, and Popen is not to warn that it runs.
    server.returncode = -signal.SIGTERM
    os.environ["DISPLAY"] = f":{number}"
    yield


@pytest.fixture(autouse=True)
def _windows_need_a_display(request: pytest.FixtureRequest, display: None) -> None:
    is_in_memory = sys.platform == "linux" and os.environ.get("QT_QPA_PLATFORM") == "offscreen"
    if request.node.get_closest_marker("desktop") is not None and is_in_memory and not os.environ.get("DISPLAY"):
        pytest.skip("no display, and Xvfb is not installed (apt-get install xvfb)")


def sphere_mesh(name: str, centre: np.ndarray, radius: float, colour: tuple[int, int, int]) -> OrganMesh:
    import trimesh

    ball = trimesh.creation.icosphere(subdivisions=3, radius=radius)
    return OrganMesh(name, np.asarray(ball.vertices) + centre, np.asarray(ball.faces, dtype=np.int32), colour)


def make_sphere_twin(grid: Grid) -> Twin:
    """A body with a red liver at the patient's right front top and a blue spleen at the left back bottom."""
    k, j, i = np.indices(grid.shape)
    places = grid.to_lps(np.stack([i, j, k], axis=-1))
    middle = grid.center()
    reach = float(np.abs(grid.corners() - middle).max(axis=0).min())
    radius = reach * 0.3
    spots = {
        "liver": (middle + np.array([-0.45, -0.3, 0.35]) * reach, RED),
        "spleen": (middle + np.array([0.45, 0.3, -0.35]) * reach, BLUE),
    }
    values = np.full(grid.shape, BODY_HU, dtype=np.int16)
    labels = np.zeros(grid.shape, dtype=np.uint8)
    structures, meshes = [], []
    for label, (name, (centre, colour)) in enumerate(spots.items(), start=1):
        inside = np.linalg.norm(places - centre, axis=-1) <= radius
        labels[inside], values[inside] = label, LIVER_HU
        structures.append(Structure(label, name, colour, origin="network"))
        meshes.append(sphere_mesh(name, centre, radius, colour))
    volume = Volume(grid, values, Modality.CT, SourceInfo("synthetic", "0" * 64, "Abdomen portal"), PATIENT)
    return Twin(
        "case-77",
        (TwinImage("image-1", "primary", volume),),
        LabelMap(grid, (labels,), tuple(structures)),
        tuple(meshes),
        Revision(1, None, "build", RevisionState.PROPOSED, "2026-01-01T00:00:00Z"),
        Provenance("2026-01-01T00:00:00Z", "surgtwin"),
        accepted=frozenset({"liver"}),
    )


@pytest.fixture(scope="session")
def twin_on() -> Callable[[Grid], Twin]:
    """Makes the twin of two spheres on any grid."""
    return make_sphere_twin


@pytest.fixture(scope="session")
def sphere_twin() -> Twin:
    """The two spheres on a grid a little off the patient's axes, anisotropic, off-origin, left-handed."""
    turn = np.radians(6.0)
    direction = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, -1.0]])
    return make_sphere_twin(Grid.from_axes((30, 52, 56), (-71.0, 33.0, 512.0), direction, (2.0, 2.2, 4.0)))


@pytest.fixture(scope="session")
def share_of() -> Callable[[np.ndarray, str], np.ndarray]:
    """Where a picture [row, column, 3] is clearly red, green or blue."""

    def clearly(picture: np.ndarray, colour: str) -> np.ndarray:
        channel = {"red": 0, "green": 1, "blue": 2}[colour]
        own = picture[..., channel].astype(int)
        others = np.delete(picture, channel, axis=-1).astype(int).max(axis=-1)
        return own > others + 40

    return clearly
