"""Masks that may overlap, put into as few exclusive layers as they need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .labels import MAX_LABEL


class LayerBuilder:
    """Collects masks; each goes into the first layer where no other voxel is taken.

    Parameters
    ----------
    shape
        (k, j, i) of the layers.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self._shape = shape
        self._layers: list[NDArray[np.uint16]] = []
        self._used: list[set[int]] = []

    def add(self, label: int, planes: Sequence[tuple[int, NDArray[np.bool_]]]) -> int:
        """Put `label` where the planes (k, mask [j, i]) are True; the same k may come twice. Returns the layer."""
        for n, layer in enumerate(self._layers):
            if label not in self._used[n] and not any(np.any(layer[k][mask]) for k, mask in planes):
                break
        else:
            n = len(self._layers)
            self._layers.append(np.zeros(self._shape, dtype=np.uint16))
            self._used.append(set())
        for k, mask in planes:
            self._layers[n][k][mask] = label
        self._used[n].add(label)
        return n

    def layers(self) -> tuple[NDArray[Any], ...]:
        """The layers, at least one, uint8 where the labels fit."""
        if not self._layers:
            return (np.zeros(self._shape, dtype=np.uint8),)
        return tuple(smallest_type(layer) for layer in self._layers)


def smallest_type(layer: NDArray[Any]) -> NDArray[Any]:
    """Labels as uint8 if they fit, else uint16."""
    highest = int(layer.max(initial=0))
    return layer.astype(np.uint8 if highest <= np.iinfo(np.uint8).max else np.uint16, copy=False)


def unique_names(names: Sequence[str], labels: Sequence[int]) -> list[str]:
    """Names as they are; one that was there before gets its label behind it: "cyst", "cyst (label 4)"."""
    seen: set[str] = set()
    result = []
    for name, label in zip(names, labels, strict=True):
        unique, n = name, 1
        while unique in seen:
            unique = f"{name} (label {label})" if n == 1 else f"{name} (label {label}, {n})"
            n += 1
        seen.add(unique)
        result.append(unique)
    return result


def is_label(number: int) -> bool:
    """True for 1 to 65535."""
    return 1 <= number <= MAX_LABEL
