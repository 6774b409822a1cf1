from __future__ import annotations

import itertools

import pytest
import torch

from segmentation.network import PlainConvUNet
from segmentation.sliding_window import TileSettings, gaussian_window, predict_slabs, tile_starts
from surgtwin.errors import Cancelled
from surgtwin.progress import Progress

PATCH = (8, 16, 12)


def whole(network: PlainConvUNet, data: torch.Tensor, settings: TileSettings) -> torch.Tensor:
    """All tiles at once on the padded image: the plain way, to compare with."""
    missing = [max(0, p - n) for p, n in zip(PATCH, data.shape[1:], strict=True)]
    before = [m // 2 for m in missing]
    padded = torch.zeros(1, *(n + m for n, m in zip(data.shape[1:], missing, strict=True)))
    inner = tuple(slice(b, b + n) for b, n in zip(before, data.shape[1:], strict=True))
    padded[(slice(None), *inner)] = data
    total, weight = torch.zeros(4, *padded.shape[1:]), torch.zeros(padded.shape[1:])
    window = gaussian_window(PATCH)
    starts = [tile_starts(n, p, settings.step) for n, p in zip(padded.shape[1:], PATCH, strict=True)]
    for corner in itertools.product(*starts):
        box = tuple(slice(c, c + p) for c, p in zip(corner, PATCH, strict=True))
        total[(slice(None), *box)] += network(padded[(slice(None), *box)][None])[0] * window
        weight[box] += window
    return (total / weight)[(slice(None), *inner)]


@pytest.mark.parametrize("shape", [(30, 20, 27), (8, 16, 12), (5, 40, 9), (17, 16, 30)])
def test_slabs_joined_are_the_whole_answer(network: PlainConvUNet, shape: tuple[int, int, int]) -> None:
    data = torch.randn(1, *shape, generator=torch.Generator().manual_seed(3))
    slabs = list(predict_slabs([network], data, PATCH, TileSettings()))
    rows = [s.first_row for s in slabs]
    assert rows == [sum(s.logits.shape[1] for s in slabs[:n]) for n in range(len(slabs))]
    joined = torch.cat([s.logits for s in slabs], 1)
    assert joined.shape == (4, *shape)
    torch.testing.assert_close(joined, whole(network, data, TileSettings()), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("slab_bytes", [1, 9000])
def test_small_slabs_joined_are_the_whole_answer_too(network: PlainConvUNet, slab_bytes: int) -> None:
    data = torch.randn(1, 37, 20, 27, generator=torch.Generator().manual_seed(3))
    slabs = list(predict_slabs([network], data, PATCH, TileSettings(slab_bytes=slab_bytes)))
    assert [s.first_row for s in slabs] == list(itertools.accumulate([0, *(s.logits.shape[1] for s in slabs[:-1])]))
    if slab_bytes == 1:
        assert len(slabs) == 37
    joined = torch.cat([s.logits for s in slabs], 1)
    torch.testing.assert_close(joined, whole(network, data, TileSettings()), rtol=1e-4, atol=1e-5)


def test_a_region_has_the_same_logits_and_runs_fewer_tiles(network: PlainConvUNet) -> None:
    data = torch.randn(1, 37, 40, 27, generator=torch.Generator().manual_seed(3))
    calls = []
    handle = network.register_forward_hook(lambda *_: calls.append(1))
    everything = torch.cat([s.logits for s in predict_slabs([network], data, PATCH, TileSettings())], 1)
    all_tiles = len(calls)
    region = (slice(20, 23), slice(3, 9), slice(20, 27))
    found = torch.cat([s.logits for s in predict_slabs([network], data, PATCH, TileSettings(region=region))], 1)
    handle.remove()
    assert found.shape == everything.shape and bool(torch.isfinite(found).all())
    assert torch.equal(found[(slice(None), *region)], everything[(slice(None), *region)])
    assert 0 < len(calls) - all_tiles < all_tiles / 4


def test_tiles_reach_from_edge_to_edge_without_gaps() -> None:
    for size, patch in itertools.product(range(8, 90, 3), (8, 16, 31)):
        starts = tile_starts(size, patch, 0.5)
        assert starts[0] == 0 and starts == sorted(set(starts))
        if size > patch:
            assert starts[-1] == size - patch
            assert max(b - a for a, b in itertools.pairwise(starts)) <= patch // 2 + 1


def test_offsets_are_those_nnunet_documents() -> None:
    assert tile_starts(110, 64, 0.5) == [0, 23, 46]


def test_mirroring_makes_the_answer_symmetric(network: PlainConvUNet) -> None:
    data = torch.randn(1, *PATCH, generator=torch.Generator().manual_seed(4))
    settings = TileSettings(mirror_axes=(2,))
    straight = next(predict_slabs([network], data, PATCH, settings)).logits
    mirrored = next(predict_slabs([network], data.flip(3), PATCH, settings)).logits
    torch.testing.assert_close(mirrored.flip(3), straight, rtol=1e-4, atol=1e-5)


def test_two_networks_are_averaged(network: PlainConvUNet) -> None:
    other = PlainConvUNet(network.arch).eval().requires_grad_(False)
    data = torch.randn(1, *PATCH)
    mean = next(predict_slabs([network, other], data, PATCH, TileSettings())).logits
    parts = [next(predict_slabs([n], data, PATCH, TileSettings())).logits for n in (network, other)]
    torch.testing.assert_close(mean, (parts[0] + parts[1]) / 2)


def test_tiles_of_one_value_run_the_network_once(network: PlainConvUNet) -> None:
    calls = []
    handle = network.register_forward_hook(lambda *_: calls.append(1))
    data = torch.full((1, 40, 16, 12), -3.4)
    slabs = list(predict_slabs([network], data, PATCH, TileSettings()))
    handle.remove()
    assert len(calls) == 1 and sum(s.logits.shape[1] for s in slabs) == 40


def test_cancelling_stops_within_a_tile(network: PlainConvUNet) -> None:
    asked = []

    def is_cancelled() -> bool:
        asked.append(1)
        return len(asked) > 2

    with pytest.raises(Cancelled):
        list(predict_slabs([network], torch.randn(1, *PATCH), PATCH, TileSettings(), Progress(None, is_cancelled)))
    assert not any(m._forward_pre_hooks for m in network.modules())


def test_progress_rises_to_one(network: PlainConvUNet) -> None:
    seen: list[float] = []
    progress = Progress(lambda fraction, _: seen.append(fraction))
    list(predict_slabs([network], torch.randn(1, 30, 20, 20), PATCH, TileSettings(), progress))
    assert seen == sorted(seen) and seen[-1] == 1.0 and len(seen) > 10


def test_held_memory_does_not_grow_with_the_length_of_the_scan(network: PlainConvUNet) -> None:
    held = [
        max(s.logits.shape[1] for s in predict_slabs([network], torch.randn(1, n, 16, 12), PATCH, TileSettings()))
        for n in (24, 120)
    ]
    assert max(held) <= PATCH[0]
