"""What engines do to a network before they run it."""

import pytest
import torch

from fastnst.engines.folding import TransposedConvLayer, folded
from fastnst.networks import ARCHITECTURES, STYLE
from fastnst.networks.layers import ConvLayer

STYLE_ARCHITECTURES = [name for name, each in ARCHITECTURES.items() if each.task == STYLE]


@pytest.mark.parametrize("architecture", STYLE_ARCHITECTURES)
@pytest.mark.parametrize("size", [(16, 16), (40, 24)])
@pytest.mark.parametrize("mixing", [0, 1])
def test_a_folded_network_computes_the_same(architecture, size, mixing):
    torch.manual_seed(0)
    network = ARCHITECTURES[architecture].network(styles=2, mixing=mixing).eval()
    with torch.no_grad():
        network.styles += torch.randn(network.styles.shape) * 0.3
        for matrices in network.matrices():
            matrices += torch.randn(matrices.shape) * 0.05
        for name, value in network.named_parameters():
            if name.endswith("bias"):
                value += 0.1
    short = folded(network)
    assert any(isinstance(module, TransposedConvLayer) for module in short.modules())
    assert not any(isinstance(m, ConvLayer) and m.upsample for m in short.modules())
    x = torch.rand(1, 3, *size)
    with torch.no_grad():
        vector = network.vectors()[:1]
        expected = network(x, vector)
        torch.testing.assert_close(short(x, vector), expected, rtol=0, atol=2e-5)
        assert expected.std() > 0.01


def test_folding_leaves_the_network_alone():
    network = ARCHITECTURES["fast"].network(styles=1)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    folded(network)
    after = network.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[key], value) for key, value in before.items())
