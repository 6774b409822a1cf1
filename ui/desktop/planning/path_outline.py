"""What of an instrument lies in a slice: the exact section of each of its capsules with the plane."""

from __future__ import annotations

import numpy as np

from surgtwin.domain.geometry import FloatArray

from .needle_slice import share_within

ALONG, AROUND = 17, 24
"""Samples along a capsule's axis and around each disc: the outline is their hull."""


def capsule_section(
    start_mm: FloatArray, end_mm: FloatArray, radius_mm: float, origin_mm: FloatArray, normal: FloatArray
) -> FloatArray:
    """The outline (N, 3) LPS of a capsule's section with a plane; no point where the plane misses it.

    A capsule is the union of balls along its axis, so its section is that of discs in the plane; it is convex.
    """
    offsets = np.array([(start_mm - origin_mm) @ normal, (end_mm - origin_mm) @ normal])
    inside = share_within(offsets, radius_mm)
    if inside is None:
        return np.zeros((0, 3))
    share = np.linspace(*inside, ALONG)
    centres = start_mm + share[:, None] * (end_mm - start_mm)
    off = (centres - origin_mm) @ normal
    radii = np.sqrt(np.maximum(radius_mm**2 - off**2, 0.0))
    u, v = _in_plane(normal)
    angles = np.linspace(0.0, 2.0 * np.pi, AROUND, endpoint=False)
    circle = np.cos(angles)[:, None] * u + np.sin(angles)[:, None] * v
    points = (centres - off[:, None] * normal)[:, None] + radii[:, None, None] * circle
    return _hull(points.reshape(-1, 3), u, v)


def _in_plane(normal: FloatArray) -> tuple[FloatArray, FloatArray]:
    other = np.zeros(3)
    other[int(np.abs(normal).argmin())] = 1.0
    u = np.cross(normal, other)
    u /= np.linalg.norm(u)
    return u, np.cross(normal, u)


def _hull(points: FloatArray, u: FloatArray, v: FloatArray) -> FloatArray:
    """The points on the convex outline, in order (Andrew 1979)."""
    flat = np.stack((points @ u, points @ v), 1)
    order = np.lexsort((flat[:, 1], flat[:, 0]))
    outline: list[int] = []
    for rows in (order, order[::-1]):
        half: list[int] = []
        for n in rows.tolist():
            while len(half) > 1 and _turn(flat[half[-2]], flat[half[-1]], flat[n]) <= 0.0:
                half.pop()
            half.append(n)
        outline += half[:-1]
    return points[outline]


def _turn(a: FloatArray, b: FloatArray, c: FloatArray) -> float:
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))
