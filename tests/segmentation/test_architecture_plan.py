from __future__ import annotations

import pytest
import torch

from segmentation.architecture_plan import PLAIN_UNET, RESIDUAL_UNET, read_architecture
from segmentation.residual_network import ResidualEncoderUNet, build_network
from surgtwin.errors import ModelError

OLD = {
    "UNet_class_name": "PlainConvUNet",
    "UNet_base_num_features": 32,
    "unet_max_num_features": 100,
    "n_conv_per_stage_encoder": [2, 2, 2],
    "n_conv_per_stage_decoder": [2, 2],
    "conv_kernel_sizes": [[1, 3, 3], [3, 3, 3], [3, 3, 3]],
    "pool_op_kernel_sizes": [[1, 1, 1], [1, 2, 2], [2, 2, 2]],
}


def architecture(class_name: str = PLAIN_UNET, **changes: object) -> dict[str, object]:
    arguments: dict[str, object] = {
        "n_stages": 2,
        "features_per_stage": [4, 8],
        "conv_op": "torch.nn.modules.conv.Conv3d",
        "kernel_sizes": [[3, 3, 3], [3, 3, 3]],
        "strides": [[1, 1, 1], [1, 2, 2]],
        "n_conv_per_stage": [1, 1],
        "n_blocks_per_stage": [1, 2],
        "n_conv_per_stage_decoder": 1,
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }
    return {"architecture": {"network_class_name": class_name, "arch_kwargs": {**arguments, **changes}}}


def test_older_plans_describe_the_same_network() -> None:
    arch = read_architecture(OLD, 2, 5)
    assert arch.features == (32, 64, 100) and arch.divisor == (2, 4, 4)
    assert arch.in_channels == 2 and arch.class_count == 5 and arch.encoder_convs == (2, 2, 2)
    assert read_architecture({**OLD, "UNet_class_name": "ResidualEncoderUNet"}, 2, 5).residual


@pytest.mark.parametrize("name", ["os.system", "monai.networks.nets.SwinUNETR", "evil.PlainConvUNet"])
def test_a_network_outside_the_allow_list_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match="network"):
        read_architecture(architecture(name), 1, 2)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"norm_op": "torch.nn.BatchNorm3d"}, "norm_op"),
        ({"nonlin": "torch.nn.ReLU"}, "nonlin"),
        ({"conv_op": "torch.nn.modules.conv.Conv2d"}, "conv_op"),
        ({"nonlin_first": True}, "nonlin_first"),
        ({"block": "dynamic_network_architectures.building_blocks.residual.BottleneckD"}, "block"),
        ({"squeeze_excitation": True}, "squeeze_excitation"),
        ({"norm_op_kwargs": {"track_running_stats": True}}, "track_running_stats"),
        ({"n_stages": 10**9}, "plausible"),
        ({"features_per_stage": [4, 10**6]}, "plausible"),
        ({"kernel_sizes": [[3, 3, 3], [99, 3, 3]]}, "plausible"),
        ({"strides": [[1, 1, 1], [0, 2, 2]]}, "plausible"),
        ({"n_conv_per_stage": [10**8, 1]}, "plausible"),
        ({"kernel_sizes": [[3, 3, 3], [3, 3]]}, "two, or all three"),
        ({"strides": [[1, 1, 1]]}, "disagree"),
    ],
)
def test_parts_that_are_not_built_here_or_absurd_are_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        read_architecture(architecture(**changes), 1, 2)


def test_a_residual_encoder_keeps_nnunets_names_and_aliases() -> None:
    network = build_network(read_architecture(architecture(RESIDUAL_UNET), 1, 3))
    assert isinstance(network, ResidualEncoderUNet)
    names = set(network.state_dict())
    assert {
        "encoder.stem.convs.0.conv.weight",
        "encoder.stages.1.blocks.0.conv1.all_modules.0.weight",
        "encoder.stages.1.blocks.0.conv2.norm.weight",
        "encoder.stages.1.blocks.0.skip.1.conv.weight",
        "decoder.encoder.stages.1.blocks.1.conv2.conv.weight",
    } <= names
    assert "encoder.stages.1.blocks.0.skip.1.conv.bias" not in names
    assert network(torch.zeros(1, 1, 4, 8, 8)).shape == (1, 3, 4, 8, 8)


def test_a_flat_network_takes_slices() -> None:
    changes = {"kernel_sizes": [[3, 3], [3, 3]], "strides": [[1, 1], [2, 2]], "conv_op": "torch.nn.Conv2d"}
    changes["norm_op"] = "torch.nn.InstanceNorm2d"
    for name in (PLAIN_UNET, RESIDUAL_UNET):
        arch = read_architecture(architecture(name, **changes), 1, 3)
        assert arch.is_flat and arch.divisor == (2, 2)
        assert build_network(arch)(torch.zeros(2, 1, 8, 6)).shape == (2, 3, 8, 6)
