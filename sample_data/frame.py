"""From the patient's place in the scanner to the anatomy's own coordinates: deformation, then a person's own build."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .deformation import Deformation, invert
from .shapes import F32, Box, Vector, Waves

MODES = 4
FIXED_POINT_STEPS = 60


@dataclass(frozen=True)
class Build:
    """A person's own proportions: the standard anatomy scaled and gently warped.

    Patient coordinates q (mm, at rest) go to anatomy coordinates w = q / scale + warp(q).
    """

    scale: Vector
    amplitudes: npt.NDArray[np.float32]
    """(modes, 3) mm."""
    waves: Waves

    @classmethod
    def random(cls, rng: np.random.Generator, spread: float = 1.0) -> Build:
        """`spread` 0 is the standard build; 1 the usual differences between people."""
        scale = 1.0 + spread * np.clip(rng.normal(0, (0.05, 0.05, 0.05)), -0.1, 0.1)
        amplitudes = spread * rng.normal(0, 1.8, size=(MODES, 3))
        waves = Waves.random(rng, 130.0, MODES)
        return cls(tuple(scale.tolist()), np.clip(amplitudes, -3, 3).astype(np.float32), waves)

    @property
    def max_mm(self) -> float:
        """No point is warped further along any axis."""
        return float(np.abs(self.amplitudes).sum(axis=0).max())

    def anatomy_from_patient(self, x: F32, y: F32, z: F32) -> tuple[F32, F32, F32]:
        sx, sy, sz = (np.float32(1 / s) for s in self.scale)
        u, v, w = x * sx, y * sy, z * sz
        for (kx, ky, kz), phase, (ax, ay, az) in zip(
            self.waves.vectors, self.waves.phases, self.amplitudes, strict=True
        ):
            wave = np.sin(kx * x + ky * y + kz * z + phase)
            u, v, w = u + ax * wave, v + ay * wave, w + az * wave
        return u, v, w

    def patient_from_anatomy(self, point: Vector) -> Vector:
        """Where one point of the anatomy lies in the patient, by fixed-point iteration."""
        target, scale = np.asarray(point), np.asarray(self.scale)
        q = target * scale
        for _ in range(FIXED_POINT_STEPS):
            now = self.anatomy_from_patient(*(np.asarray(c, dtype=np.float32) for c in q))
            q = q + (target - np.array([float(c) for c in now])) * scale
        return (float(q[0]), float(q[1]), float(q[2]))

    def patient_box(self, box: Box) -> Box:
        """A box in the patient that holds an anatomy box."""
        low, high = (np.asarray(side) * np.asarray(self.scale) for side in (box.low, box.high))
        return Box(tuple(low.tolist()), tuple(high.tolist())).grown(self.max_mm * max(self.scale))


def at_rest(deformation: Deformation, x: F32, y: F32, z: F32) -> tuple[F32, F32, F32]:
    """Patient coordinates of the deformed patient, taken back to rest."""
    if deformation.max_mm == 0:
        return x, y, z
    points = np.stack([x, y, z], axis=-1).astype(np.float64)
    rest = invert(deformation, points).astype(np.float32)
    return rest[..., 0], rest[..., 1], rest[..., 2]
