"""The rigid motion that brings one image of the patient onto another; never a worse place than it started from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..domain.geometry import FloatArray, Grid, RigidTransform, transform_points
from ..domain.volume import Volume
from ..errors import ImageError
from ..progress import SILENT, Progress
from .images import normalised, thinned, to_image

STEPS_MM = (12.0, 6.0)
"""Voxels of the scales, coarse first."""
BINS = 32
ITERATIONS = 60
RADIUS_MM = 100.0
"""A turn by one radian moves the organs about so far: how angles are weighed against shifts."""
LEAST_OVERLAP = 0.05
"""Of the base image, that the arrived one must show where it starts."""
PROBES = 12
LEAST_GAIN = 1e-3
"""Of the similarity: a motion that brings less is noise, and not made."""


@dataclass(frozen=True, eq=False)
class RigidFit:
    """A rigid motion found, and what it brought.

    Parameters
    ----------
    transform
        Maps places of the base image to places of the arrived one.
    similarity_before, similarity_after
        Correlation (same modality) or mutual information in nats (different modalities); larger is more alike.
    """

    transform: RigidTransform
    similarity_before: float
    similarity_after: float

    @property
    def is_identity(self) -> bool:
        return bool(np.array_equal(self.transform.matrix, np.eye(4)))


def fit_rigid(
    base: Volume, arrived: Volume, *, start: FloatArray | None = None, progress: Progress = SILENT
) -> RigidFit:
    """The rigid motion from `base` to `arrived`; the one to start from where nothing better is found.

    Correlation compares images of one modality, mutual information others (Mattes et al. 2003,
    doi 10.1109/TMI.2003.809072). It is always checked: on real images mutual information can end in a worse place than
    it began.

    Parameters
    ----------
    start
        (4, 4) from base to arrived; the identity if not given.

    Raises
    ------
    ImageError
        If the images hardly overlap at the start.
    """
    is_same = base.modality is arrived.modality
    matrix = np.eye(4) if start is None else start
    _require_overlap(base.grid, arrived.grid, matrix)
    fixed, moving = (to_image(normalised(v), v.grid) for v in (base, arrived))
    first = _euler(matrix, fixed)
    scales = [(thinned(fixed, step), thinned(moving, step)) for step in STEPS_MM]
    before = _similarity(*scales[-1], first, is_same)
    found = first
    for n, (coarse_fixed, coarse_moving) in enumerate(scales):
        progress.update(n / len(STEPS_MM), "Finding how the patient lies")
        found = _optimised(coarse_fixed, coarse_moving, found, is_same)
        progress.check()
    after = _similarity(*scales[-1], found, is_same)
    if after - before < LEAST_GAIN:
        found, after = first, before
    progress.update(1.0)
    return RigidFit(RigidTransform("arrived", "base", _matrix(found)), before, after)


def _require_overlap(base: Grid, arrived: Grid, matrix: FloatArray) -> None:
    steps = [np.linspace(0, n - 1, PROBES) for n in base.size_ijk]
    points = transform_points(matrix, base.to_lps(np.stack(np.meshgrid(*steps), axis=-1).reshape(-1, 3)))
    ijk = arrived.to_ijk(points)
    share = float(np.mean(np.all((ijk >= -0.5) & (ijk <= np.asarray(arrived.size_ijk) - 0.5), axis=1)))
    if share < LEAST_OVERLAP:
        raise ImageError(
            f"The two images hardly overlap where they are said to lie ({share:.0%} of the twin's). Check that both "
            "show the same part of the patient, or give a starting position."
        )


def _euler(matrix: FloatArray, fixed: Any) -> Any:
    import SimpleITK as sitk

    transform = sitk.Euler3DTransform()
    transform.SetCenter(fixed.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in fixed.GetSize()]))
    centre = np.asarray(transform.GetCenter())
    transform.SetMatrix(matrix[:3, :3].ravel().tolist())
    transform.SetTranslation((matrix[:3, :3] @ centre + matrix[:3, 3] - centre).tolist())
    return transform


def _matrix(transform: Any) -> FloatArray:
    rotation = np.asarray(transform.GetMatrix()).reshape(3, 3)
    centre = np.asarray(transform.GetCenter())
    matrix = np.eye(4)
    matrix[:3, :3] = rotation
    matrix[:3, 3] = np.asarray(transform.GetTranslation()) + centre - rotation @ centre
    return matrix


def _method(transform: Any, is_same: bool) -> Any:
    import SimpleITK as sitk

    method = sitk.ImageRegistrationMethod()
    if is_same:
        method.SetMetricAsCorrelation()
    else:
        method.SetMetricAsMattesMutualInformation(BINS)
    method.SetMetricSamplingStrategy(method.NONE)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetInitialTransform(transform, inPlace=True)
    return method


def _optimised(fixed: Any, moving: Any, start: Any, is_same: bool) -> Any:
    import SimpleITK as sitk

    found = sitk.Euler3DTransform(start)
    method = _method(found, is_same)
    step = float(np.mean(fixed.GetSpacing()))
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=step, minStep=step / 500, numberOfIterations=ITERATIONS, relaxationFactor=0.6
    )
    method.SetOptimizerScales([RADIUS_MM**2] * 3 + [1.0] * 3)
    method.Execute(fixed, moving)
    return found


def _similarity(fixed: Any, moving: Any, transform: Any, is_same: bool) -> float:
    value = -float(_method(transform, is_same).MetricEvaluate(fixed, moving))
    # ITK's correlation is squared; of images without contrast it is not a number.
    value = value if np.isfinite(value) else 0.0
    return float(np.sqrt(max(value, 0.0))) if is_same else value
