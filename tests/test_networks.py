"""The image transformation networks and the loss network."""

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from fastnst.catalog import LOSS_NETWORK
from fastnst.errors import CheckpointError
from fastnst.networks import ARCHITECTURES, STYLE
from fastnst.networks.layers import ConditionalInstanceNorm, Mixing
from fastnst.networks.vgg import LAYERS, MEAN, STD, load_loss_network

SIZES = [(16, 16), (17, 31), (40, 16), (64, 48), (33, 129)]


@pytest.fixture(params=[name for name, each in ARCHITECTURES.items() if each.task == STYLE])
def network(request):
    torch.manual_seed(0)
    return ARCHITECTURES[request.param].network(styles=3).eval()


def test_conditional_instance_norm_against_torch():
    norm = ConditionalInstanceNorm(4)
    norm.start = 2
    x = torch.rand(3, 4, 5, 6) * 7 - 2
    style = torch.rand(3, 12)
    scale, shift = style[:, 2:6, None, None], style[:, 6:10, None, None]
    torch.testing.assert_close(norm(x, style), F.instance_norm(x) * scale + shift)


@pytest.mark.parametrize("size", SIZES)
def test_output_has_the_size_of_the_input(network, size):
    with torch.no_grad():
        made = network(torch.rand(1, 3, *size), network.styles[:1])
    assert made.shape == (1, 3, *size)
    assert 0 <= made.min() <= made.max() <= 1


def test_every_number_of_a_style_counts_and_none_is_shared(network):
    """Each element of the style vector is read once: no gap, no overlap between layers."""
    owners = torch.zeros(network.photo.numel())
    for module in network.modules():
        if isinstance(module, ConditionalInstanceNorm):
            owners[module.start : module.start + 2 * module.channels] += 1
    assert torch.equal(owners, torch.ones_like(owners))


def test_styles_of_one_batch_do_not_mix(network):
    network = type(network)(styles=3, mixing=1).eval()
    x = torch.rand(1, 3, 32, 32)
    styles = network.vectors().detach() + torch.randn(3, network.controls) * 0.1
    with torch.no_grad():
        together = network(x.expand(3, -1, -1, -1), styles)
        apart = torch.cat([network(x, style[None]) for style in styles])
    torch.testing.assert_close(together, apart, rtol=1e-4, atol=1e-5)
    assert (together[0] - together[1]).abs().max() > 1e-3


def test_mixing_against_a_convolution_of_one_pixel():
    """The maps of y = (I + M) W x are those of W x, through a 1×1 convolution I + M."""
    mixing, conv = Mixing(4), torch.nn.Conv2d(3, 4, 3, bias=False)
    mixing.start = 5
    x, style = torch.rand(2, 3, 8, 7), torch.randn(2, 5 + 16)
    with torch.no_grad():
        plain = conv(x)
        assert torch.equal(mixing(F.conv2d, x, conv.weight, style[:, :5]), plain)
        made = mixing(F.conv2d, x, conv.weight, style)
        for one, alone, vector in zip(made, plain, style, strict=True):
            matrix = torch.eye(4) + vector[5:].view(4, 4)
            expected = F.conv2d(alone[None], matrix[:, :, None, None])[0]
            torch.testing.assert_close(one, expected)


def test_every_matrix_has_its_place(network):
    """Behind the scales and shifts each number is read once, and is where `vectors` puts it."""
    with_matrices = type(network)(styles=2, mixing=1)
    owners = torch.zeros(network.controls)
    owners[: network.photo.numel()] += 1
    with torch.no_grad():
        for number, layer in enumerate(m for m in with_matrices.modules() if isinstance(m, Mixing)):
            owners[layer.start : layer.start + layer.channels**2] += 1
            layer.matrices.fill_(number + 1)
            vectors = with_matrices.vectors()
            part = vectors[:, layer.start : layer.start + layer.channels**2]
            assert torch.equal(part, torch.full_like(part, number + 1))
    assert torch.equal(owners, torch.ones_like(owners))
    assert vectors.shape == (2, network.controls)


def test_matrices_of_zeros_change_nothing(network):
    x = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        whole = F.pad(network.styles[:1], (0, network.controls - network.styles.shape[1]))
        torch.testing.assert_close(network(x, whole), network(x, network.styles[:1]))


def test_strengths_go_from_no_style_to_the_style_and_beyond(network):
    vectors = torch.randn(3, network.controls)
    made = network.at_strength(vectors, torch.tensor([0.0, 1.0, 1.5])).detach()
    size = network.photo.numel()
    assert torch.equal(made[0, :size], network.photo.detach()) and not made[0, size:].any()
    torch.testing.assert_close(made[1], vectors[1])
    torch.testing.assert_close(made[2, size:], 1.5 * vectors[2, size:])


def test_a_network_needs_a_style():
    with pytest.raises(ValueError, match="at least one style, got 0"):
        ARCHITECTURES["paper"].network(styles=0)


def test_the_papers_network_has_the_papers_size():
    network = ARCHITECTURES["paper"].network(styles=1)
    convolutions = sum(p.numel() for name, p in network.named_parameters() if "conv" in name)
    # 9·9·3·32 + 9·32·64 + 9·64·128 + 10·9·128² + 9·128·64 + 9·64·32 + 9·9·32·3 + 3
    assert convolutions == 1_674_435


def test_loss_network_normalises_inside(loss_network):
    grey = torch.tensor(MEAN).view(1, 3, 1, 1).expand(1, 3, 16, 16)
    first = loss_network.convs["relu1_1"]
    expected = F.relu(first.bias).view(1, -1, 1, 1).expand(1, 64, 16, 16)
    torch.testing.assert_close(loss_network(grey, ["relu1_1"])["relu1_1"], expected)
    pushed = grey + STD  # one grey level more in each channel
    expected = F.relu(F.conv2d(torch.ones_like(grey), first.weight, first.bias, padding=1))
    torch.testing.assert_close(
        loss_network(pushed, ["relu1_1"])["relu1_1"], expected, rtol=1e-3, atol=1e-3
    )


def test_loss_network_taps_have_their_shapes(loss_network):
    taps = loss_network(torch.rand(1, 3, 64, 48), LAYERS)
    assert list(taps) == list(LAYERS)
    assert taps["relu1_2"].shape == (1, 64, 64, 48)
    assert taps["relu4_3"].shape == (1, 512, 8, 6)
    assert taps["relu5_3"].shape == (1, 512, 4, 3)
    assert not any(p.requires_grad for p in loss_network.parameters())


def test_loss_network_stops_at_the_deepest_tap(loss_network):
    # 16 × 16 has no room for a sixth pooling, and none is tried.
    assert list(loss_network(torch.rand(1, 3, 16, 16), ["relu1_2"])) == ["relu1_2"]


def test_loss_network_knows_its_layers(loss_network):
    with pytest.raises(ValueError, match=r"No layer \['relu9_9'\]"):
        loss_network(torch.rand(1, 3, 16, 16), ["relu9_9"])


def test_loss_network_from_another_file(tmp_path):
    with pytest.raises(CheckpointError, match="There is no loss network"):
        load_loss_network(tmp_path / "none.safetensors")
    save_file({"features.0.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "short.safetensors")
    with pytest.raises(CheckpointError, match=r"no tensor features\.0\.bias"):
        load_loss_network(tmp_path / "short.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(LOSS_NETWORK.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="not a readable safetensors file"):
        load_loss_network(tmp_path / "bad.safetensors")
