"""A reader on this computer, and a twin to review."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "store"))

from twin_samples import sample_twin

from surgtwin.review.reader import UnlockedReader, add_reader, unlock
from surgtwin.store.save import save_twin

PASSPHRASE = "correct horse"


@pytest.fixture(scope="session")
def readers_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("configuration")
    add_reader("Dr. B", "radiologist", PASSPHRASE, folder)
    return folder


@pytest.fixture(scope="session")
def reader(readers_folder: Path) -> UnlockedReader:
    return unlock("Dr. B", lambda: PASSPHRASE, readers_folder)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "case.twin"
    save_twin(sample_twin(), path)
    return path
