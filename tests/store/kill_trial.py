"""One trial: start the victim, kill it with -9 after a while, see that nothing acknowledged is lost."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from kill_victim import CHANGES, progress_of

from surgtwin.store.verify import verify_twin
from surgtwin.store.writer import TwinWriter

_VICTIM = Path(__file__).resolve().parent / "kill_victim.py"


def run_trial(folder: Path, delay_s: float) -> list[str]:
    """Faults found after a kill `delay_s` after the victim began to work; empty if all is well."""
    folder.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen([sys.executable, str(_VICTIM), str(folder)], stdout=subprocess.PIPE) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == b"ready\n"
        time.sleep(delay_s)
        victim.kill()
        said = [line for line in victim.stdout.read().decode().splitlines(keepends=True) if line.endswith("\n")]
    acknowledged = (0, CHANGES)
    if said:
        generation, operations = said[-1].split()
        acknowledged = (int(generation), int(operations))
    return judge(folder / "case one.twin", acknowledged)


def judge(path: Path, acknowledged: tuple[int, int]) -> list[str]:
    """The twin must be in the acknowledged state or in the very next one, whole, and fit to be written again."""
    generation, operations = acknowledged
    following = (generation, operations + 1) if operations < CHANGES else (generation + 1, 0)
    if not path.exists() and generation == 0:
        return []
    found = progress_of(path)
    if found not in (acknowledged, following):
        return [f"acknowledged {acknowledged}, found {found}"]
    faults = list(verify_twin(path).problems)
    with TwinWriter(path):
        pass
    after = verify_twin(path)
    if progress_of(path) != found or after.orphans or not after.ok:
        faults.append(f"after the next writer: {after}")
    return faults
