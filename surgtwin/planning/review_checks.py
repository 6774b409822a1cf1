"""What readers said of what a plan rests on: a rejected structure, and one that was changed after it was signed.

Signatures are not checked here: what a statement does to a plan is a warning, never a permission.
"""

from __future__ import annotations

from ..domain.finding import Finding, Severity
from ..domain.review import ReviewBook, ReviewState, structure_hashes
from .evaluation import PlanEvaluation
from .settings import PlanningSettings
from .twin_geometry import TwinGeometry


def check_reviews(geometry: TwinGeometry, evaluation: PlanEvaluation, _: PlanningSettings) -> list[Finding]:
    """An error for every structure of the plan that a reader has rejected, a warning for one changed since sign-off."""
    twin, found = geometry.twin, []
    spoken_of = {s.structure for s in twin.reviews.sign_offs}
    used = [s for s in twin.structures if s.name in _used(evaluation) & spoken_of]
    hashes = structure_hashes(twin.labels, used)
    for s in used:
        finding = _finding(twin.reviews, s.name, hashes[s.name])
        if finding is not None:
            found.append(finding)
    return found


def _finding(book: ReviewBook, name: str, content_sha256: str) -> Finding | None:
    review = book.review(name, content_sha256)
    if review.state is ReviewState.REJECTED and review.last is not None:
        text = f"{review.last.reader} has rejected '{name}': {review.last.reason.rstrip('.')}. Correct it, then plan."
        return Finding("structure-rejected", Severity.ERROR, text, structure=name)
    if review.changed:
        text = f"'{name}' was {review.changed}: look at the contours again before relying on the figures."
        return Finding("changed-since-review", Severity.WARNING, text, structure=name)
    return None


def _used(evaluation: PlanEvaluation) -> set[str]:
    """Structures that a cut, a margin, a needle's limit or a zone of the plan rests on."""
    names = {name for cut in evaluation.cuts for name in cut.tissue.names}
    names |= {margin.target for result in evaluation.resections for margin in result.margins}
    names |= {limit.structure for result in evaluation.trajectories for limit in result.limits}
    return names | {zone.target for zone in evaluation.ablations}
