"""Whether the slices of a stack make a volume: what was found, where, and why it is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..domain.finding import Finding, Severity
from ..domain.geometry import SAME_POSITION_MM, Point3
from ..errors import DicomError, GeometryError, PixelError
from .frame import Frame
from .slice_order import SliceOrder, order_slices

GAP_SHARE = 1.5
"""A distance of more than this many spacings is a gap with slices missing."""
MOST_NAMED = 5
_ASK_AGAIN = "Export the series again, or allow regularising"


@dataclass(frozen=True, eq=False)
class SliceCheck:
    """The verdict on one stack.

    Parameters
    ----------
    order
        The usable slices in order; None if no volume can be made of them.
    refusal
        Why the stack cannot be loaded as it is.
    needs_regularise
        True if it can be when regularising is allowed.
    """

    order: SliceOrder | None
    findings: tuple[Finding, ...] = ()
    refusal: DicomError | None = None
    needs_regularise: bool = False


def check_slices(frames: Sequence[Frame], title: str) -> SliceCheck:
    """Check one stack.

    Parameters
    ----------
    title
        How messages name the series, e.g. "Series 4".
    """
    usable = [f for f in frames if not f.fault]
    if not usable:
        return SliceCheck(None, refusal=PixelError(f"{title} cannot be read: {frames[0].name}: {frames[0].fault}."))
    damaged = _damaged(frames, len(usable))
    try:
        order = order_slices(usable)
    except GeometryError as error:
        return SliceCheck(None, damaged, GeometryError(f"{title} cannot be loaded: {error}."))
    findings = (*damaged, *_geometry_findings(order))
    faults = [f.message for f in findings if f.severity is not Severity.INFO]
    if not faults:
        return SliceCheck(order, findings)
    kind = PixelError if damaged else GeometryError
    return SliceCheck(order, findings, kind(f"{title}: {' '.join(faults)} {_ASK_AGAIN}."), needs_regularise=True)


def _damaged(frames: Sequence[Frame], usable: int) -> tuple[Finding, ...]:
    faulty = [f for f in frames if f.fault]
    if not faulty:
        return ()
    named = "; ".join(f"{f.name}: {f.fault}" for f in faulty[:MOST_NAMED])
    message = f"{len(faulty)} of {len(frames)} slices are damaged ({named}{_and_more(len(faulty))})."
    return (Finding("damaged-slices", Severity.ERROR, message, numbers={"damaged": len(faulty), "usable": usable}),)


def _and_more(count: int) -> str:
    return f"; and {count - MOST_NAMED} more" if count > MOST_NAMED else ""


def _geometry_findings(order: SliceOrder) -> tuple[Finding, ...]:
    found = [*_duplicates(order), *_gaps(order)]
    if not found and not order.is_even:
        found.append(_uneven(order))
    if order.is_even and order.worst_unevenness_mm > SAME_POSITION_MM:
        found.append(_rounded(order))
    return (*found, *_sideways(order))


def _duplicates(order: SliceOrder) -> list[Finding]:
    at = order.duplicates
    if not len(at):
        return []
    places = ", ".join(f"{n} and {n + 1} at {order.heights_mm[n]:.2f} mm" for n in at[:MOST_NAMED])
    message = f"{len(at)} slices lie at the same place as another one (slices {places}{_and_more(len(at))})."
    return [
        Finding("duplicate-slices", Severity.ERROR, message, _where(order, int(at[0])), {"duplicates": float(len(at))})
    ]


def _gaps(order: SliceOrder) -> list[Finding]:
    gaps = order.gaps_mm
    at = np.flatnonzero(gaps > GAP_SHARE * order.spacing_mm)
    if not len(at) or not order.is_mostly_even:
        return []
    places = ", ".join(f"{gaps[n]:.2f} mm between slices {n + 1} and {n + 2}" for n in at[:MOST_NAMED])
    message = (
        f"The distance of slices is {order.spacing_mm:.2f} mm, but there is a gap of {places}"
        f"{_and_more(len(at))}: slices are missing or unevenly spaced ({_extent(order)})."
    )
    numbers = {"gap_mm": float(gaps.max()), "spacing_mm": order.spacing_mm, "gaps": float(len(at))}
    return [Finding("missing-slices", Severity.ERROR, message, _where(order, int(at[0])), numbers)]


def _extent(order: SliceOrder) -> str:
    gaps = order.gaps_mm
    return f"distances from {gaps.min():.2f} to {gaps.max():.2f} mm over {len(order.frames)} slices"


def _uneven(order: SliceOrder) -> Finding:
    worst = int(np.argmax(np.abs(order.gaps_mm - order.spacing_mm)))
    message = (
        f"The slices are unevenly spaced: usually {order.spacing_mm:.2f} mm, but {order.gaps_mm[worst]:.2f} mm between "
        f"slices {worst + 1} and {worst + 2} ({_extent(order)})."
    )
    numbers = {
        "spacing_mm": order.spacing_mm,
        "smallest_mm": float(order.gaps_mm.min()),
        "largest_mm": float(order.gaps_mm.max()),
    }
    return Finding("uneven-slices", Severity.ERROR, message, _where(order, worst), numbers)


def _rounded(order: SliceOrder) -> Finding:
    off = order.worst_unevenness_mm
    message = f"Slice positions are rounded: they differ from even spacing by up to {off:.3f} mm, which is accepted."
    return Finding("rounded-positions", Severity.INFO, message, numbers={"largest_mm": off})


def _sideways(order: SliceOrder) -> list[Finding]:
    if order.is_upright:
        if order.worst_sideways_mm <= SAME_POSITION_MM * len(order.frames):
            return []
        off = order.worst_sideways_mm
        message = f"Slices are shifted sideways by up to {off:.3f} mm, less than a tenth of a pixel, which is accepted."
        return [Finding("small-sideways-shift", Severity.INFO, message, numbers={"largest_mm": off})]
    numbers = {"degrees": order.tilt_degrees, "largest_shift_mm": order.worst_sideways_mm}
    if order.is_tilted:
        message = (
            f"The gantry was tilted by {order.tilt_degrees:.1f} degrees: slices are shifted sideways by up to "
            f"{order.worst_sideways_mm:.1f} mm. They are resampled onto a right-angled grid when loaded."
        )
        return [Finding("gantry-tilt", Severity.INFO, message, numbers=numbers)]
    message = (
        f"Slices are shifted sideways irregularly, by up to {order.worst_stray_mm:.2f} mm off a straight line: they do "
        "not stand above each other."
    )
    return [Finding("sideways-slices", Severity.ERROR, message, numbers=numbers)]


def _where(order: SliceOrder, index: int) -> Point3:
    """LPS mm of the middle of a slice."""
    layout = order.frames[index].instance.layout
    di, dj = order.pixel_mm
    middle = order.position_of(index) + order.row * di * (layout.columns - 1) / 2
    middle = middle + order.column * dj * (layout.rows - 1) / 2
    return float(middle[0]), float(middle[1]), float(middle[2])
