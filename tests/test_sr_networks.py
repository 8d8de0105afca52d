"""The super-resolution networks."""

import pytest
import torch
import torch.nn.functional as F

from fastnst.checkpoint import Checkpoint
from fastnst.errors import CheckpointError
from fastnst.networks import ARCHITECTURES, SR, architecture_settings, build_network
from fastnst.networks.sr import SRCNN, AttentionBlock, FastSRNetwork, PaperSRNetwork

NAMES = [name for name, each in ARCHITECTURES.items() if each.task == SR]


@pytest.fixture(params=[(name, scale) for name in NAMES for scale in (4, 8)], ids=str)
def network(request, one_thread):
    name, scale = request.param
    torch.manual_seed(0)
    return ARCHITECTURES[name].network(scale=scale).eval()


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (12, 9)])
def test_output_is_scale_times_the_input(network, size):
    with torch.no_grad():
        made = network(torch.rand(2, 3, *size))
    assert made.shape == (2, 3, network.scale * size[0], network.scale * size[1])


def test_nothing_beyond_the_radius_counts(network):
    """What tiles rely on. Just inside it something does, so the radius is not simply huge."""
    radius, scale = network.radius, network.scale
    side = 2 * radius + 9
    x = torch.rand(1, 3, side, side, requires_grad=True)
    middle = side // 2
    block = slice(middle * scale, (middle + 1) * scale)
    network(x)[:, :, block, block].sum().backward()
    seen = x.grad.abs().sum((0, 1)) > 0
    rows = torch.nonzero(seen.any(1)).flatten()
    assert middle - radius <= rows.min() <= middle - radius + 1
    assert middle + radius - 1 <= rows.max() <= middle + radius


def test_only_the_known_scales():
    with pytest.raises(ValueError, match="the scale is 3; allowed are 4, 8"):
        FastSRNetwork(scale=3)


def test_an_unknown_scale_in_a_checkpoint_is_one_sentence():
    checkpoint = Checkpoint(SR, "fast-sr", {"scale": 5, "channels": 8, "blocks": 2}, {})
    with pytest.raises(CheckpointError, match="the scale is 5; allowed are 4, 8"):
        build_network(checkpoint)


def test_settings_are_scale_width_and_depth():
    assert architecture_settings("fast-sr") == {"scale": 4, "channels": 48, "blocks": 6}
    assert architecture_settings("paper-sr", scale=8) == {"scale": 8, "channels": 64, "blocks": 4}


def test_sizes_are_the_published_ones():
    def count(network):
        return sum(value.numel() for value in network.parameters() if value.ndim == 4)

    # 9·9·3·64 + 9·64·32·… of SRCNN 9-5-5 with RGB in and out
    assert count(SRCNN()) == 81 * 3 * 64 + 25 * 64 * 32 + 25 * 32 * 3
    # 9×9 to 64, four blocks of two, two after doublings, 9×9 to RGB
    assert count(PaperSRNetwork()) == 2 * 81 * 3 * 64 + 10 * 9 * 64 * 64
    assert 0.40e6 < count(FastSRNetwork()) < 0.45e6


def test_an_untrained_last_layer_leaves_the_bicubic_enlargement():
    network = FastSRNetwork(channels=8, blocks=2)
    torch.nn.init.zeros_(network.to_rgb.weight)
    x = torch.rand(1, 3, 9, 7)
    with torch.no_grad():
        torch.testing.assert_close(network(x), F.interpolate(x, scale_factor=4.0, mode="bicubic"))


def test_what_the_attention_does_not_see_passes():
    block = AttentionBlock(4)
    for conv in block.convs:
        torch.nn.init.zeros_(conv.weight)
        torch.nn.init.constant_(conv.bias, 0.0)
    x = torch.rand(1, 4, 5, 5)
    assert torch.equal(block(x), x)  # 2 sigmoid(0) = 1
    torch.nn.init.constant_(block.convs[-1].bias, 100.0)
    torch.testing.assert_close(block(x), (x + 100) * 2)
    torch.nn.init.constant_(block.convs[-1].bias, -100.0)
    torch.testing.assert_close(block(x), torch.zeros_like(x))


def test_the_signal_reaches_the_last_block_from_the_first_step():
    torch.manual_seed(0)
    network = FastSRNetwork()
    with torch.no_grad():
        maps = network.first(torch.rand(1, 3, 48, 48))
        first = maps.std()
        for block in network.blocks:
            maps = block(maps)
            assert 0.7 * first < maps.std() < 2 * first
