"""The losses, against answers worked out by hand."""

import pytest
import torch

from fastnst.losses import (
    absolute_pixel_loss,
    content_loss,
    edge_loss,
    gram_matrices,
    gram_matrix,
    grid_loss,
    pixel_loss,
    style_loss,
    tone_loss,
    total_variation_loss,
)


def test_gram_matrix_of_ones_is_one_over_channels():
    # ψψᵀ has H·W everywhere; divided by C·H·W that is 1/C.
    gram = gram_matrix(torch.ones(2, 4, 3, 5))
    torch.testing.assert_close(gram, torch.full((2, 4, 4), 1 / 4))


def test_gram_matrix_of_two_maps():
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])  # C=2, H=1, W=2
    expected = torch.tensor([[[5.0, 11.0], [11.0, 25.0]]]) / 4
    torch.testing.assert_close(gram_matrix(features), expected)


def test_gram_matrix_does_not_depend_on_where_things_are():
    features = torch.rand(1, 3, 4, 4)
    shuffled = features.flatten(2)[:, :, torch.randperm(16)].reshape(1, 3, 4, 4)
    torch.testing.assert_close(gram_matrix(features), gram_matrix(shuffled))


def test_content_loss_absolute_and_relative():
    target = torch.full((1, 2, 2, 2), 2.0)
    features = torch.cat([target, target + 1])
    # Eight differences of 1 over eight elements; the target's squares sum to 8 · 4.
    torch.testing.assert_close(
        content_loss(features, target, relative=False), torch.tensor([0.0, 1.0])
    )
    torch.testing.assert_close(content_loss(features, target), torch.tensor([0.0, 1 / 4]))


def test_content_loss_of_nothing_is_one():
    target = torch.rand(3, 4, 5, 6)
    torch.testing.assert_close(content_loss(torch.zeros_like(target), target), torch.ones(3))


def test_content_loss_of_equal_features_has_a_gradient():
    features = torch.rand(1, 2, 3, 3, requires_grad=True)
    content_loss(features, features.detach()).sum().backward()
    assert torch.equal(features.grad, torch.zeros_like(features))


def test_style_loss_sums_layers():
    targets = {"a": torch.full((1, 2, 2), 1.0), "b": torch.full((1, 1, 1), 2.0)}
    grams = {"a": torch.full((1, 2, 2), 3.0), "b": torch.full((1, 1, 1), 1.0)}
    # a: 4 · 2² = 16, relative 16 / 4; b: 1, relative 1 / 4.
    torch.testing.assert_close(style_loss(grams, targets, relative=False), torch.tensor([17.0]))
    torch.testing.assert_close(style_loss(grams, targets), torch.tensor([4.25]))


def test_style_loss_compares_pictures_of_different_sizes():
    one = gram_matrices({"a": torch.ones(1, 3, 8, 8)})
    other = gram_matrices({"a": torch.ones(1, 3, 2, 5)})
    torch.testing.assert_close(style_loss(one, other), torch.zeros(1))


def test_pixel_loss():
    output = torch.zeros(2, 3, 2, 2)
    target = torch.stack([torch.zeros(3, 2, 2), torch.full((3, 2, 2), 0.5)])
    torch.testing.assert_close(pixel_loss(output, target), torch.tensor([0.0, 0.25]))


def test_total_variation_of_a_checkerboard_and_of_stripes():
    checkerboard = (torch.arange(4)[:, None] + torch.arange(4)[None]).remainder(2).float()
    stripes = torch.arange(4).remainder(2).float().expand(4, 4)
    pictures = torch.stack([checkerboard, stripes, torch.full((4, 4), 0.3)])[:, None]
    torch.testing.assert_close(total_variation_loss(pictures), torch.tensor([2.0, 1.0, 0.0]))


def test_tone_loss_follows_light_and_dark_not_colour():
    ramp = torch.linspace(0.2, 0.8, 64).expand(1, 3, 64, 64)
    red = torch.cat([ramp[:, :1], torch.zeros(1, 2, 64, 64)], 1)
    flat = torch.full_like(ramp, 0.5)
    losses = tone_loss(torch.cat([ramp, red, 1 - ramp, flat]), ramp.expand(4, -1, -1, -1))
    torch.testing.assert_close(losses, torch.tensor([0.0, 0.0, 2.0, 1.0]), atol=0.02, rtol=0)


def test_losses_in_half_precision_stay_close(loss_network):
    pictures = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    exact = loss_network(pictures, ["relu2_2"])["relu2_2"]
    rounded = exact.bfloat16()
    other = exact.roll(1, 0)
    torch.testing.assert_close(
        content_loss(rounded, other.bfloat16()), content_loss(exact, other), rtol=0.02, atol=0
    )


def test_edge_loss_of_a_step_that_lost_half_its_height():
    """Luma steps of h and h/2: the gradient at half size is theirs at two columns, else nothing."""
    true, made = torch.zeros(2, 3, 16, 16), torch.zeros(2, 3, 16, 16)
    true[:, :, :, 8:] = 0.4
    made[0, :, :, 8:] = 0.2
    made[1] = true[1] + 0.3  # brightness is not an edge
    lost = 1 - (2 * 0.4 * 0.2 + 0.0026) / (0.4**2 + 0.2**2 + 0.0026)
    # Two of the six columns that a 3×3 kernel reaches at half size.
    expected = torch.tensor([lost / 3 + lost * 2**0.5 / 3, 0.0])  # mean and deviation
    torch.testing.assert_close(edge_loss(made, true), expected, rtol=1e-3, atol=1e-4)


def test_edge_loss_can_descend_from_a_flat_picture():
    made = torch.full((1, 3, 16, 16), 0.5, requires_grad=True)
    edge_loss(made, torch.rand(1, 3, 16, 16)).sum().backward()
    assert made.grad.isfinite().all()


def test_absolute_pixel_loss():
    first, second = torch.zeros(2, 3, 4, 5), torch.full((2, 3, 4, 5), 0.25)
    second[1] *= -2
    assert absolute_pixel_loss(first, second).tolist() == [0.25, 0.5]


def test_grid_loss_sees_a_pattern_and_nothing_else():
    rng = torch.Generator().manual_seed(0)
    target = torch.rand(1, 3, 64, 64, generator=rng)
    assert float(grid_loss(target + 0.3, target, 4)) < 1e-6  # brightness is no pattern
    pattern = torch.zeros(4, 4)
    pattern[0, 0] = 1.6  # 1.5 over the mean there, 0.1 below it at the fifteen others
    grid = grid_loss(target + pattern.repeat(16, 16), target, 4)
    torch.testing.assert_close(grid, torch.tensor([3 / 16]))
    # The same energy as noise: averages of 16 are a quarter as large.
    noise = (torch.rand(1, 3, 64, 64, generator=rng) - 0.5) * 0.4 * 12**0.5
    assert float(grid_loss(target + noise, target, 4)) < float(grid) / 2


def test_the_gradients_by_hand_are_autograds():
    torch.manual_seed(0)
    features = torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last).requires_grad_()
    target = torch.randn(2, 3, 4, 5)
    weights = torch.randn(2, 3, 3)
    psi = features.flatten(2)
    plain = (psi @ psi.transpose(1, 2) / 60 * weights).sum()
    plain = plain + ((features - target).square().sum((1, 2, 3)) * weights[:, 0, 0]).sum()
    (expected,) = torch.autograd.grad(plain, features)
    ours = (gram_matrix(features) * weights).sum()
    ours = ours + (content_loss(features, target, relative=False) * 60 * weights[:, 0, 0]).sum()
    (gradient,) = torch.autograd.grad(ours, features)
    assert ours.item() == pytest.approx(plain.item(), rel=1e-5)
    assert torch.allclose(gradient, expected, atol=1e-5)


def test_gradients_lie_in_memory_as_the_maps_do():
    # What runs backward through φ is two to ten times slower on maps that lie otherwise.
    features = torch.rand(1, 8, 6, 7).to(memory_format=torch.channels_last).requires_grad_()
    for loss in (gram_matrix(features).sum(), content_loss(features, torch.ones(1, 8, 6, 7))):
        (gradient,) = torch.autograd.grad(loss, features)
        assert gradient.is_contiguous(memory_format=torch.channels_last)
