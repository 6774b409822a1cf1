"""What the tests of the store share: the samples beside them can be imported by name, and a saved twin."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from twin_samples import sample_twin

from surgtwin.store.save import save_twin


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A twin with every field filled, under a name with a blank and an umlaut."""
    path = tmp_path / "Fall ä 1.twin"
    save_twin(sample_twin(), path)
    return path
