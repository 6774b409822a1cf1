from __future__ import annotations

import pytest
import torch

from segmentation.losses import deep_supervision_weights, deeply_supervised_loss, dice_and_cross_entropy
from segmentation.network import PlainConvUNet, UNetArchitecture


def test_parameter_names_are_those_of_nnunet(network: PlainConvUNet) -> None:
    names = set(network.state_dict())
    expected = {
        "encoder.stages.0.0.convs.0.conv.weight",
        "encoder.stages.0.0.convs.0.norm.bias",
        "encoder.stages.0.0.convs.0.all_modules.0.weight",
        "encoder.stages.1.0.convs.0.all_modules.1.weight",
        "decoder.encoder.stages.0.0.convs.0.conv.bias",
        "decoder.stages.0.convs.0.conv.weight",
        "decoder.transpconvs.0.weight",
        "decoder.seg_layers.0.bias",
    }
    assert expected <= names


def test_every_scale_gives_logits_of_its_own_size(network: PlainConvUNet) -> None:
    outputs = network.forward_every_scale(torch.zeros(1, 1, 8, 16, 12))
    assert [tuple(o.shape[2:]) for o in outputs] == [(8, 16, 12)]
    torch.testing.assert_close(outputs[0], network(torch.zeros(1, 1, 8, 16, 12)))


def test_lists_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="disagree in length"):
        UNetArchitecture(1, 3, (4, 8), ((3, 3, 3),), ((1, 1, 1),), (1,), (1,))


def test_loss_vanishes_for_a_certain_right_answer() -> None:
    target = torch.zeros(1, 4, 4, 4, dtype=torch.int64)
    target[0, :2] = 1
    logits = torch.full((1, 3, 4, 4, 4), -30.0).scatter_(1, target[:, None], 30.0)
    assert float(dice_and_cross_entropy(logits, target)) == pytest.approx(0.0, abs=1e-5)
    assert float(dice_and_cross_entropy(-logits, target)) > 10


def test_absent_classes_add_no_dice_term() -> None:
    target = torch.zeros(1, 4, 4, 4, dtype=torch.int64)
    logits = torch.zeros(1, 3, 4, 4, 4)
    assert float(dice_and_cross_entropy(logits, target)) == pytest.approx(torch.log(torch.tensor(3.0)).item())


def test_scale_weights_sum_to_one_and_leave_out_the_coarsest() -> None:
    weights = deep_supervision_weights(4)
    assert sum(weights) == pytest.approx(1.0)
    assert weights[0] == 2 * weights[1] and weights[-1] == 0
    assert deep_supervision_weights(1) == [1.0]


def test_loss_gradient_reaches_every_parameter_of_the_finest_heads() -> None:
    arch = UNetArchitecture(1, 3, (4, 6, 8), ((3, 3, 3),) * 3, ((1, 1, 1), (2, 2, 2), (2, 2, 2)), (1, 1, 1), (1, 1))
    network = PlainConvUNet(arch)
    target = torch.randint(0, 3, (1, 8, 8, 8))
    deeply_supervised_loss(network.forward_every_scale(torch.randn(1, 1, 8, 8, 8)), target).backward()
    assert all(p.grad is not None for n, p in network.named_parameters() if "seg_layers.0" not in n)
