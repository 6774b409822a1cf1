"""What is wrong with cuts: margins, what remains, pieces, and cuts that fold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..domain.cut import BezierCut, CombinedCut, CutSurface
from ..domain.finding import Finding, Severity
from ..domain.geometry import Grid, Point3
from ..domain.verdict import COVERAGE_FACTOR, Verdict
from .bezier import is_folded
from .evaluation import PlanEvaluation
from .margin import Margin
from .resection import CutOrgan, ResectionResult
from .settings import PlanningSettings
from .tissue import bounding_box
from .twin_geometry import TwinGeometry


def check_margins(_: TwinGeometry, evaluation: PlanEvaluation, settings: PlanningSettings) -> list[Finding]:
    """Margins that are too small, or that the errors leave open."""
    return [
        _margin_finding(result, margin)
        for result in evaluation.resections
        for margin in result.margins
        if margin.verdict is not Verdict.SAFE
    ]


def _margin_finding(result: ResectionResult, margin: Margin) -> Finding:
    violated = margin.verdict is Verdict.VIOLATED
    if margin.is_missed:
        text = f"'{result.name}' does not resect '{margin.target}'. Move the cut beyond it, or take it off the targets."
    elif not margin.is_resected:
        depth = -(margin.min_mm or 0.0)
        text = f"'{result.name}' cuts through '{margin.target}' and leaves up to {depth:.1f} mm of it behind."
    else:
        error = COVERAGE_FACTOR * margin.terms.combined_mm
        state = "is less than" if violated else "cannot be told from"
        text = (
            f"The margin of '{result.name}' to '{margin.target}' is {margin.min_mm:.1f} mm (give or take {error:.1f}), "
            f"which {state} the {margin.wanted_mm:.1f} mm wanted. "
            + ("Move the cut away there." if violated else f"{margin.reason[0].upper()}{margin.reason[1:]}.")
        )
    numbers = {"wanted_mm": margin.wanted_mm, "error_mm": COVERAGE_FACTOR * margin.terms.combined_mm}
    if margin.min_mm is not None:
        numbers["min_mm"] = margin.min_mm
    severity = Severity.ERROR if violated else Severity.WARNING
    return Finding(f"margin-{margin.verdict}", severity, text, margin.at_mm, numbers, margin.target)


def check_remnants(_: TwinGeometry, evaluation: PlanEvaluation, settings: PlanningSettings) -> list[Finding]:
    """Livers of which too little would be left once every cut is carried out."""
    found = []
    for result in evaluation.combined:
        if result.remnant_verdict in (None, Verdict.SAFE) or result.least_percent is None:
            continue
        violated = result.remnant_verdict is Verdict.VIOLATED
        state = "is below" if violated else "cannot be told from"
        text = (
            f"The remnant of {result.flr_percent:.0f} % (give or take {result.remnant_error_percent:.1f}) {state} the "
            f"{result.least_percent:.0f} % in use for this tissue ({settings.thresholds.source})."
        )
        severity = Severity.ERROR if violated else Severity.WARNING
        numbers = {"flr_percent": result.flr_percent, "least_percent": result.least_percent}
        found.append(Finding(f"remnant-{result.remnant_verdict}", severity, text, None, numbers, result.organ_name))
    return found


def check_pieces(geometry: TwinGeometry, evaluation: PlanEvaluation, settings: PlanningSettings) -> list[Finding]:
    """Remnants and specimens in several parts, and specimens that no part of the capsule opens."""
    return [finding for cut in evaluation.cuts for finding in _piece_findings(cut, settings)]


def _piece_findings(cut: CutOrgan, settings: PlanningSettings) -> list[Finding]:
    grid, organ, name = cut.tissue.grid, cut.resection.organ, cut.resection.name
    found = []
    for word, code, mask in (
        ("what remains of", "remnant-in-parts", cut.split.remnant_mask()),
        ("what is taken from", "specimen-in-parts", cut.split.resected_mask()),
    ):
        pieces = pieces_ml(mask, grid)
        large = [p for p in pieces if p[0] >= settings.smallest_piece_ml]
        if len(large) > 1:
            sizes = ", ".join(f"{ml:.0f}" for ml, _ in large)
            text = f"After '{name}', {word} '{organ}' is in {len(large)} parts ({sizes} mL)."
            numbers = {"parts": float(len(large)), "smallest_ml": large[-1][0]}
            found.append(Finding(code, Severity.WARNING, text, large[-1][1], numbers, organ))
    if is_buried(cut):
        text = f"What '{name}' takes lies wholly inside '{organ}': no part of the capsule opens it."
        found.append(Finding("specimen-buried", Severity.WARNING, text, None, {}, organ))
    return found


def pieces_ml(mask: NDArray[np.bool_], grid: Grid) -> list[tuple[float, Point3]]:
    """Volume in mL and middle (LPS mm) of each connected part of a mask [k, j, i], the largest first."""
    import cc3d

    box = bounding_box(mask)
    if box is None:
        return []
    parts = cc3d.connected_components(np.ascontiguousarray(mask[box]), connectivity=6)
    figures = cc3d.statistics(parts)
    pieces = []
    for n in range(1, len(figures["voxel_counts"])):
        k, j, i = (float(v) + part.start for v, part in zip(figures["centroids"][n], box, strict=True))
        x, y, z = (float(v) for v in grid.to_lps((i, j, k)))
        pieces.append((int(figures["voxel_counts"][n]) * grid.voxel_volume_ml, (x, y, z)))
    return sorted(pieces, key=lambda p: -p[0])


def is_buried(cut: CutOrgan) -> bool:
    """Whether no resected voxel has a neighbour outside the organ."""
    tissue, resected = cut.tissue.mask(), cut.split.resected_mask()
    box = bounding_box(tissue)
    if box is None or not resected.any():
        return False
    tissue, resected = tissue[box], resected[box]
    for axis in range(3):
        for step in (1, -1):
            ahead = np.roll(tissue, step, axis)
            edge = [slice(None)] * 3
            edge[axis] = slice(0, 1) if step > 0 else slice(-1, None)
            ahead[tuple(edge)] = False
            if bool((resected & ~ahead).any()):
                return False
    return True


def check_shapes(_: TwinGeometry, evaluation: PlanEvaluation, settings: PlanningSettings) -> list[Finding]:
    """Cuts that fold over themselves: which side is which is then uncertain at the fold."""
    return [
        Finding(
            "cut-folds",
            Severity.WARNING,
            f"The surface of '{cut.resection.name}' folds over itself; pull its handles apart.",
            structure=cut.resection.organ,
        )
        for cut in evaluation.cuts
        if any(is_folded(b.control_points_mm) for b in _patches(cut.resection.surface))
    ]


def _patches(surface: CutSurface) -> list[BezierCut]:
    if isinstance(surface, CombinedCut):
        return [b for part in surface.parts for b in _patches(part)]
    return [surface] if isinstance(surface, BezierCut) else []
