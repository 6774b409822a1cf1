"""A video draws coarse surfaces of what it shows, and leaves small and hidden ones as they are."""

from __future__ import annotations

import pytest

from surgtwin.mesh.measure import measure
from tests.planning.shapes import STRAIGHT, ball, make_twin
from ui.report.path_video import _coarse


def test_only_large_surfaces_that_are_seen_are_thinned(monkeypatch):
    monkeypatch.setattr("ui.report.path_video.MOST_TRIANGLES", 2000)
    shapes = {"liver": ball((0, 0, 0), 18), "spleen": ball((24, 0, 0), 4), "lungs": ball((-30, 0, 0), 11)}
    twin = make_twin(shapes, STRAIGHT, 44)
    coarse = _coarse(twin, {"liver", "spleen"})
    before, after = ({m.name: m for m in t.meshes} for t in (twin, coarse))
    assert len(before["liver"].triangles) > 2000 >= 0.95 * len(after["liver"].triangles)
    assert after["spleen"] is before["spleen"] and after["lungs"] is before["lungs"]
    figures = measure(after["liver"], before["liver"].volume_ml)
    assert figures.is_watertight and figures.is_manifold
    assert after["liver"].volume_ml == pytest.approx(before["liver"].volume_ml, rel=0.01)
