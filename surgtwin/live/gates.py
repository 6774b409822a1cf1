"""What a carried revision must show before a person may accept it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..domain.mesh import OrganMesh
from ..domain.registration import Gate, StructureMotion
from ..registration.deformable import DeformableFit


@dataclass(frozen=True)
class GateSettings:
    """Limits of the gates; proposals, to be set by whoever answers for them.

    Parameters
    ----------
    least_likeness
        Share of the base image's variance that the carried image must explain, same modality only.
    least_jacobian
        Of any place the image shows: below, space nearly folds.
    most_motion_mm
        Of 99 % of each structure's surface.
    most_volume_change
        Share by which a structure that the image shows may grow or shrink.
    least_shown
        Share of at least one structure that the image must show.
    """

    least_likeness: float = 0.5
    least_jacobian: float = 0.1
    most_motion_mm: float = 50.0
    most_volume_change: float = 0.3
    least_shown: float = 0.5


DEFAULT_GATES = GateSettings()
LEAST_JUDGED_ML = 10.0
SHOWN = 0.9
TOLERANCE = 1.02
"""The difference may grow by so much where there was nothing to make alike."""


def check_gates(
    fit: DeformableFit,
    motions: tuple[StructureMotion, ...],
    before: tuple[OrganMesh, ...],
    after: tuple[OrganMesh, ...],
    settings: GateSettings = DEFAULT_GATES,
) -> tuple[Gate, ...]:
    """Every gate with its answer, passed or not."""
    return (
        _more_alike(fit),
        *((_like_enough(fit, settings),) if fit.likeness is not None else ()),
        _no_folding(fit, settings),
        _motion_limit(motions, settings),
        _volumes_kept(motions, before, after, settings),
        _shown(motions, settings),
    )


def _more_alike(fit: DeformableFit) -> Gate:
    passed = fit.difference_after <= TOLERANCE * fit.difference_before
    change = 1.0 - fit.difference_after / max(fit.difference_before, 1e-9)
    return Gate("more-alike", passed, f"The images' difference went down by {change:.0%}.")


def _like_enough(fit: DeformableFit, settings: GateSettings) -> Gate:
    likeness = fit.likeness or 0.0
    message = (
        f"The carried image explains {likeness:.0%} of what the base image shows; {settings.least_likeness:.0%} are "
        "needed. Less speaks for another patient, another region, or a failed registration."
    )
    return Gate("like-enough", likeness >= settings.least_likeness, message)


def _no_folding(fit: DeformableFit, settings: GateSettings) -> Gate:
    jacobian = fit.field.jacobian()
    known = fit.known > SHOWN
    least = float(jacobian[known].min()) if known.any() else float(jacobian.min())
    message = f"Space shrinks to {least:.2f} of its volume at most; below {settings.least_jacobian:g} it nearly folds."
    return Gate("no-folding", least >= settings.least_jacobian, message)


def _motion_limit(motions: tuple[StructureMotion, ...], settings: GateSettings) -> Gate:
    worst = max(motions, key=lambda m: m.p95_mm, default=None)
    if worst is None:
        return Gate("motion-limit", True, "No structure has a surface to move.")
    message = f"The {worst.structure} moves most: {worst.p95_mm:.1f} mm; {settings.most_motion_mm:g} mm are the limit."
    return Gate("motion-limit", worst.p95_mm <= settings.most_motion_mm, message)


def _volumes_kept(
    motions: tuple[StructureMotion, ...],
    before: tuple[OrganMesh, ...],
    after: tuple[OrganMesh, ...],
    settings: GateSettings,
) -> Gate:
    shown = {m.structure for m in motions if m.shown_share >= SHOWN}
    changes = {
        old.name: new.volume_ml / old.volume_ml - 1.0
        for old, new in zip(before, after, strict=True)
        if old.name in shown and old.volume_ml >= LEAST_JUDGED_ML
    }
    if not changes:
        return Gate("volumes-kept", True, "No structure is shown whole, so no volume was compared.")
    worst = max(changes, key=lambda name: abs(changes[name]))
    message = (
        f"The {worst} changes most in volume: {changes[worst]:+.0%}; {settings.most_volume_change:.0%} may change."
    )
    return Gate("volumes-kept", abs(changes[worst]) <= settings.most_volume_change, message)


def _shown(motions: tuple[StructureMotion, ...], settings: GateSettings) -> Gate:
    best = max(motions, key=lambda m: m.shown_share, default=None)
    if best is None:
        return Gate("organ-shown", False, "The twin has no structure with a surface.")
    message = f"The image shows {best.shown_share:.0%} of the {best.structure}, more than of any other structure."
    return Gate("organ-shown", bool(np.round(best.shown_share, 6) >= settings.least_shown), message)
