"""The abdominal phantom: a spec goes in; a CT volume, its exact label map and its volumes come out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.patient import Patient
from surgtwin.domain.volume import Modality, SourceInfo, Volume, Window
from surgtwin.errors import InputError
from surgtwin.progress import SILENT, Progress

from . import scanner
from .anatomy import Anatomy, make_anatomy
from .deformation import Deformation, Still, check_invertible
from .labelling import BODY, structures
from .liver import DEFAULT_TUMOURS, Tumour
from .painting import Paint, Placement, Slab
from .shapes import Vector, turn
from .truth import TrueVolume, true_volumes

SLAB_VOXELS = 6_000_000
"""Voxels painted at a time: bounds the memory."""
HALO = 1
"""Slices painted on either side of a slab, for the partial volume at its faces."""
PATIENT = Patient(patient_id="PHANTOM-1", name="Phantom^Abdomen", birth_date="19700101", sex="O")
SOFT_TISSUE = Window(width=400.0, level=40.0)
TABLE_GAP_MM = 1.0
AXES = {"L": 0, "R": 0, "P": 1, "A": 1, "S": 2, "I": 2}


@dataclass(frozen=True)
class PhantomSpec:
    """What to make.

    Parameters
    ----------
    shape
        Voxels along (k, j, i).
    spacing_mm
        Along (i, j, k).
    axes
        Direction of the i, j, k axes: any of the 48, as "LPS" (the usual axial series) or "LIP" (coronal, left-handed).
    rotation_deg
        Turns the grid about the patient's x, y, z axes on top of that: an oblique acquisition.
    gantry_tilt_deg
        Shears the slices as a tilted gantry does: the k axis is then not perpendicular to them.
    center_mm
        Middle of the field of view in patient coordinates (LPS from the aorta at the height of the kidneys' centres).
    origin_mm
        Where that point of the patient lies in the scanner's LPS frame.
    seed
        The person; the same seed always gives the same phantom.
    spread
        How much the person differs from the average: 0 not at all, 1 as people usually do.
    noise_hu, blur_mm
        Standard deviation of the noise in the middle of the body; full width at half maximum of the in-plane blur.
    tumours
        Of the liver; exact spheres when there is no deformation.
    reference_step_mm
        Step of the grid on which the volumes of everything without a closed form are integrated; None leaves them out.
    """

    shape: tuple[int, int, int] = (96, 192, 192)
    spacing_mm: Vector = (2.0, 2.0, 3.0)
    axes: str = "LPS"
    rotation_deg: Vector = (0.0, 0.0, 0.0)
    gantry_tilt_deg: float = 0.0
    center_mm: Vector = (0.0, 8.0, 32.0)
    origin_mm: Vector = (3.5, -171.25, -412.75)
    seed: int = 1
    spread: float = 1.0
    noise_hu: float = 11.0
    blur_mm: float = 1.4
    tumours: tuple[Tumour, ...] = DEFAULT_TUMOURS
    deformation: Deformation = field(default_factory=Still)
    patient: Patient = PATIENT
    reference_step_mm: float | None = None
    with_table: bool = True

    def __post_init__(self) -> None:
        if len(self.axes) != 3 or any(a not in AXES for a in self.axes) or len({AXES[a] for a in self.axes}) != 3:
            raise InputError(f"Axes must name three directions of L/R, P/A and S/I, as 'LPS'; found '{self.axes}'.")
        if self.seed < 0:
            raise InputError(f"A seed is 0 or more; found {self.seed}.")
        check_invertible(self.deformation)

    def grid(self) -> Grid:
        """The voxels asked for, in the scanner's LPS frame."""
        direction = np.zeros((3, 3))
        for column, letter in enumerate(self.axes):
            direction[AXES[letter], column] = 1.0 if letter in "LPS" else -1.0
        direction = turn(self.rotation_deg) @ direction
        tilt = np.radians(self.gantry_tilt_deg)
        direction[:, 2] = np.cos(tilt) * direction[:, 2] + np.sin(tilt) * direction[:, 1]
        columns = direction * np.asarray(self.spacing_mm)
        middle = np.asarray(self.origin_mm) + np.asarray(self.center_mm)
        half = (np.asarray(self.shape[::-1]) - 1) / 2
        return Grid.from_axes(self.shape, middle - columns @ half, direction, self.spacing_mm)


@dataclass(frozen=True, eq=False)
class Phantom:
    """A phantom and its truth.

    Parameters
    ----------
    analytic_ml
        Structure -> true volume inside the field of view, in mL: tumours as spheres in closed form, the rest integrated
        on a finer grid if the spec asks for it. A tumour's volume is not part of "liver" (labels exclude each other).
    true_volumes
        The same with method and error.
    """

    volume: Volume
    labels: LabelMap
    analytic_ml: dict[str, float]
    true_volumes: dict[str, TrueVolume]
    spec: PhantomSpec
    anatomy: Anatomy


SMALL = PhantomSpec()
FULL = replace(SMALL, shape=(224, 512, 512), spacing_mm=(0.78, 0.78, 1.25))
SIZES = {"small": SMALL, "full": FULL}


def make_phantom(spec: PhantomSpec = SMALL, progress: Progress = SILENT) -> Phantom:
    """Paint the phantom that `spec` describes, slab by slab."""
    anatomy = make_anatomy(spec.seed, spec.spread, spec.tumours, spec.deformation)
    grid = spec.grid()
    placement = Placement(grid, spec.origin_mm, anatomy.build, spec.deformation)
    values = np.empty(grid.shape, dtype=np.int16)
    organs, body = np.empty(grid.shape, dtype=np.uint8), np.empty(grid.shape, dtype=np.uint8)
    painted = [(p, placement.index_box(p)) for p in (*_table(spec, anatomy), *anatomy.paints)]
    depth = max(1, SLAB_VOXELS // (grid.shape[1] * grid.shape[2]))
    share = 1.0 if spec.reference_step_mm is None else 0.6
    for first in range(0, grid.shape[0], depth):
        last = min(first + depth, grid.shape[0])
        progress.update(share * first / grid.shape[0], "Painting the phantom")
        slab = Slab.empty(placement, first - HALO, last + HALO, scanner.AIR_HU)
        for paint, ranges in painted:
            slab.paint(paint, ranges)
        _finish(slab, spec, anatomy, values[first:last], organs[first:last], body[first:last], first)
    labels = LabelMap(grid, (organs, body), structures(len(spec.tumours)))
    found = true_volumes(spec.tumours, anatomy, placement, spec.reference_step_mm, progress.part(share, 1.0))
    image = Volume(grid, values, Modality.CT, _source(values, grid, spec), spec.patient, SOFT_TISSUE)
    return Phantom(image, labels, {name: v.ml for name, v in found.items()}, found, spec, anatomy)


def _table(spec: PhantomSpec, anatomy: Anatomy) -> list[Paint]:
    """Foam between two thin sheets, under the back."""
    if not spec.with_table:
        return []
    back = _back_of(anatomy) + TABLE_GAP_MM
    outer, inner = scanner.TableTop(back, 25.0), scanner.TableTop(back + 2.6, 19.8)
    return [Paint(outer, 320.0, None, in_patient=True), Paint(inner, -930.0, None, in_patient=True)]


def _back_of(anatomy: Anatomy) -> float:
    """The most posterior y of the skin, in patient coordinates."""
    y = np.arange(60.0, 220.0, 0.5, dtype=np.float32)
    furthest = 0.0
    for x in (-60.0, -40.0, 0.0, 40.0, 60.0):
        for z in (-90.0, 0.0, 90.0, 170.0):
            place = anatomy.build.anatomy_from_patient(np.full_like(y, x), y, np.full_like(y, z))
            inside = anatomy.skin.distance(*place) < 0
            furthest = max(furthest, float(y[inside].max(initial=0.0)))
    return furthest


def _finish(
    slab: Slab,
    spec: PhantomSpec,
    anatomy: Anatomy,
    values: npt.NDArray[np.int16],
    organs: npt.NDArray[np.uint8],
    body: npt.NDArray[np.uint8],
    first: int,
) -> None:
    """Blur, add noise, and write the slab without its halo into the image."""
    inner = slice(HALO, HALO + len(values))
    spacing = (spec.spacing_mm[1], spec.spacing_mm[0])
    painted = slab.values if slab.values is not None else np.zeros(slab.labels.shape, np.float32)
    image = scanner.blur(painted[inner], spacing, spec.blur_mm)
    strength = scanner.noise_strength(slab.patient[0][inner], slab.patient[1][inner])
    for n in range(len(values)):
        if spec.noise_hu > 0:
            grain = scanner.noise(spec.seed, first + n, values.shape[1:], spacing, spec.noise_hu)
            image[n] += grain * strength[n]
    values[:] = np.clip(np.rint(image), scanner.LOWEST_HU, scanner.HIGHEST_HU)
    organs[:] = slab.labels[inner]
    body[:] = np.where(anatomy.skin.distance(*(c[inner] for c in slab.anatomy)) < 0, BODY, 0)


def _source(values: npt.NDArray[np.int16], grid: Grid, spec: PhantomSpec) -> SourceInfo:
    digest = hashlib.sha256(np.ascontiguousarray(grid.lps_from_ijk).tobytes())
    digest.update(np.ascontiguousarray(values).tobytes())
    return SourceInfo(
        kind="synthetic",
        content_sha256=digest.hexdigest(),
        description=f"Abdominal phantom, seed {spec.seed}, portal venous",
        acquired_utc="2024-01-15T09:30:00Z",
    )
