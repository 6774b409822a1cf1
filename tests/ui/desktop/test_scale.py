"""At 100, 150 and 200 % nothing is cut off, in the smallest window."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.desktop, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("scale", ["1", "1.5", "2"])
def test_nothing_is_clipped_at_that_scale(scale: str, own_settings: Path) -> None:
    environment = {**os.environ, "QT_SCALE_FACTOR": scale, "PYTHONPATH": str(ROOT)}
    script = Path(__file__).with_name("clipping.py")
    done = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == f"ratio {float(scale)}"
    assert lines[1:] == []
