"""Small model folders to make collections of, and TotalSegmentator's own names of what its five parts give."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from segmentation.network import PlainConvUNet, initialise_weights
from segmentation.package import ModelFacts, write_model_folder
from surgtwin.domain.geometry import Grid
from surgtwin.domain.volume import Modality, SourceInfo, Volume
from tests.conftest import rotation
from tests.segmentation.conftest import INTENSITY, make_config

SIDES = ("left", "right")


def both(*names: str) -> list[str]:
    return [f"{name}_{side}" for name in names for side in SIDES]


TOTAL: dict[str, tuple[str, ...]] = {
    "Dataset291_TotalSegmentator_part1_organs_1559subj": (
        "spleen", "kidney_right", "kidney_left", "gallbladder", "liver", "stomach", "pancreas", "adrenal_gland_right",
        "adrenal_gland_left", "lung_upper_lobe_left", "lung_lower_lobe_left", "lung_upper_lobe_right",
        "lung_middle_lobe_right", "lung_lower_lobe_right", "esophagus", "trachea", "thyroid_gland", "small_bowel",
        "duodenum", "colon", "urinary_bladder", "prostate", "kidney_cyst_left", "kidney_cyst_right",
    ),
    "Dataset292_TotalSegmentator_part2_vertebrae_1532subj": (
        "sacrum", "vertebrae_S1", *(f"vertebrae_L{n}" for n in range(5, 0, -1)),
        *(f"vertebrae_T{n}" for n in range(12, 0, -1)), *(f"vertebrae_C{n}" for n in range(7, 0, -1)),
    ),
    "Dataset293_TotalSegmentator_part3_cardiac_1559subj": (
        "heart", "aorta", "pulmonary_vein", "brachiocephalic_trunk", "subclavian_artery_right",
        "subclavian_artery_left", "common_carotid_artery_right", "common_carotid_artery_left",
        "brachiocephalic_vein_left", "brachiocephalic_vein_right", "atrial_appendage_left", "superior_vena_cava",
        "inferior_vena_cava", "portal_vein_and_splenic_vein", *both("iliac_artery", "iliac_vena"),
    ),
    "Dataset294_TotalSegmentator_part4_muscles_1559subj": (
        *both("humerus", "scapula", "clavicula", "femur", "hip"), "spinal_cord",
        *both("gluteus_maximus", "gluteus_medius", "gluteus_minimus", "autochthon", "iliopsoas"), "brain", "skull",
    ),
    "Dataset295_TotalSegmentator_part5_ribs_1559subj": (
        *(f"rib_left_{n}" for n in range(1, 13)), *(f"rib_right_{n}" for n in range(1, 13)), "sternum",
        "costal_cartilages",
    ),
}  # fmt: skip
"""wasserth/TotalSegmentator, map_to_binary.py (Apache-2.0): each part's classes in the order of their values."""
TRAINER = "nnUNetTrainerNoMirroring__nnUNetPlans__3d_fullres"


def edit_json(file: Path, drop: Sequence[str] = (), **changes: Any) -> None:
    content = {key: value for key, value in json.loads(file.read_text()).items() if key not in drop}
    file.write_text(json.dumps({**content, **changes}))


def write_part(folder: Path, names: Sequence[str], seed: int, name: str = "", **dataset: Any) -> Path:
    """A model folder with random, lively weights for these labels."""
    labels = {"background": 0, **{given: n for n, given in enumerate(names, 1)}}
    config = make_config(labels=labels, name=name or folder.name)
    torch.manual_seed(seed)
    network = PlainConvUNet(config.architecture)
    initialise_weights(network)
    write_model_folder(network, config, INTENSITY, ModelFacts("0.1", "none"), folder)
    edit_json(folder / "dataset.json", **dataset)
    return folder


def write_total(root: Path) -> Path:
    """Five small models laid out as TotalSegmentator stores its weights, their images' orientation said nowhere."""
    for seed, (dataset, names) in enumerate(TOTAL.items()):
        folder = write_part(root / dataset / TRAINER, names, seed)
        edit_json(folder / "dataset.json", drop=("image_orientation", "name", "version", "largest_only"))
        edit_json(folder / "plans.json", dataset_name=dataset)
    return root


def write_collection(root: Path, parts: Sequence[dict[str, Any]], **facts: Any) -> Path:
    root.mkdir(exist_ok=True)
    (root / "collection.json").write_text(json.dumps({"format": 1, "name": "set", "parts": list(parts), **facts}))
    return root


def lively_image(shape: tuple[int, int, int] = (14, 20, 22)) -> np.ndarray:
    """Values [k, j, i] without symmetry."""
    k, j, i = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    return (150 * np.sin(0.5 * i + 0.2 * k) * np.cos(0.4 * j) + 3 * k + 5).astype(np.int16)


def lively_volume(modality: Modality = Modality.CT) -> Volume:
    """That image on an oblique, anisotropic grid off the origin."""
    values = lively_image()
    grid = Grid.from_axes(values.shape, (-31.5, 17.25, -240.0), rotation((12.0, -7.0, 20.0)), (2.0, 2.0, 3.0))
    return Volume(grid, values, modality, SourceInfo("synthetic", "0" * 64))
