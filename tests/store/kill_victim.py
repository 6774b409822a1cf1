"""A program that is made to be killed: it saves and changes a twin without end and says so when a change is done.

    python kill_victim.py FOLDER

Each line of stdout is an acknowledged state, "GENERATION OPERATIONS": the twin was saved anew GENERATION times, and
changed OPERATIONS times since.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent)]

from twin_samples import sample_measurement, sample_twin, with_moved_liver  # noqa: E402

from surgtwin.domain.twin import Twin  # noqa: E402
from surgtwin.store.load import load_twin  # noqa: E402
from surgtwin.store.save import save_twin  # noqa: E402
from surgtwin.store.writer import TwinWriter  # noqa: E402

CHANGES = 6


def twin_of_generation(generation: int) -> Twin:
    twin = sample_twin(seed=generation)
    provenance = dataclasses.replace(twin.provenance, settings={"generation": generation})
    return dataclasses.replace(twin, provenance=provenance, measurements=())


def progress_of(path: Path) -> tuple[int, int]:
    """(generation, operations) that the twin on disk is in."""
    twin = load_twin(path)
    return int(twin.provenance.settings["generation"]), (twin.revision.number - 1) + len(twin.measurements)


def say(generation: int, operations: int) -> None:
    os.write(1, f"{generation} {operations}\n".encode())


def main(folder: Path) -> None:
    path = folder / "case one.twin"
    generation = 0
    os.write(1, b"ready\n")
    while True:
        generation += 1
        save_twin(twin_of_generation(generation), path, overwrite=True)
        say(generation, 0)
        with TwinWriter(path) as writer:
            for n in range(1, CHANGES + 1):
                if n % 2:
                    writer.append(with_moved_liver(writer.twin, float(n)), "moved")
                else:
                    writer.add_measurement(sample_measurement(f"m{n}"))
                say(generation, n)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
