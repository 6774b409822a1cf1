"""The ways a network may be run, by name, and how far each one's labels are from the exact ones: measured.

Pure data, nothing heavy is imported: the command line lists it.
"""

from __future__ import annotations

from dataclasses import dataclass

from surgtwin.errors import InputError

LEAST_MEAN_DICE = 0.995
"""What the quickest mode must keep of the exact labels to be taken by ``--fast``."""


@dataclass(frozen=True)
class Measured:
    """Against exact mode, over every structure of two held-out CTs, OpenVINO: Dice, and processor time as a share."""

    mean_dice: float
    lowest_dice: float
    time_share: float


@dataclass(frozen=True)
class Mode:
    """One way to run a network.

    Parameters
    ----------
    is_half
        bfloat16 in the network's layers on a processor that has it. A GPU runs mixed float16 in every mode.
    tile_step
        Tile distance as a share of the patch; 0.5 is nnU-Net's.
    """

    name: str
    text: str
    is_half: bool
    tile_step: float
    measured: Measured


# Made by: python benchmarks/modes.py --data DIR --cases 2 (DIR holds ct_abdomen/).
MODES = (
    Mode("exact", "the labels of nnU-Net's own predictor", False, 0.5, Measured(1.0, 1.0, 1.0)),
    Mode("bf16", "numbers of 16 bits in the network's layers", True, 0.5, Measured(0.9990, 0.9963, 0.45)),
    Mode("wide-step", "fewer tiles, which overlap by a quarter", False, 0.75, Measured(0.9623, 0.8888, 0.60)),
    Mode("bf16-wide-step", "both", True, 0.75, Measured(0.9626, 0.8888, 0.31)),
)
MODE_NAMES = tuple(mode.name for mode in MODES)
EXACT = MODES[0]


def mode_named(name: str) -> Mode:
    """Return the mode of that name. Raises InputError naming those there are."""
    for mode in MODES:
        if mode.name == name:
            return mode
    raise InputError(f"There is no mode {name!r}; choose one of {', '.join(MODE_NAMES)}.")


def fastest_mode(least_mean_dice: float = LEAST_MEAN_DICE) -> Mode:
    """Return the quickest mode whose labels were close enough to the exact ones."""
    close = [mode for mode in MODES if mode.measured.mean_dice >= least_mean_dice]
    return min(close, key=lambda mode: mode.measured.time_share)
