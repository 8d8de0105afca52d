"""Muon."""

from copy import deepcopy

import torch
from torch import nn

from fastnst.muon import DECAY, Muon, inner_weights, orthogonal, orthogonalized
from fastnst.settings import FitSettings


def test_orthogonalized_has_singular_values_near_one():
    torch.manual_seed(0)
    for shape in ((8, 30), (30, 8), (5, 5)):
        values = torch.linalg.svdvals(orthogonalized(torch.randn(shape)))
        assert values.min() > 0.5 and values.max() < 1.3


def test_orthogonalized_keeps_the_directions():
    torch.manual_seed(0)
    matrix = torch.randn(6, 20)
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    nearest = u @ v
    cosine = torch.nn.functional.cosine_similarity(
        orthogonalized(matrix).flatten(), nearest.flatten(), 0
    )
    assert cosine > 0.97


def test_without_orthogonal_groups_it_is_adam():
    start = torch.randn(4, 3)
    target = torch.randn(4, 3)
    results = []
    for kind in (torch.optim.Adam, Muon):
        weight = torch.nn.Parameter(start.clone())
        optimizer = kind([{"params": [weight], "lr": 0.1}])
        for _ in range(5):
            optimizer.zero_grad()
            (weight - target).square().sum().backward()
            optimizer.step()
        results.append(weight.detach())
    assert torch.equal(*results)


def test_a_step_has_the_size_of_the_rate():
    weight = torch.nn.Parameter(torch.zeros(8, 2, 3, 3))
    optimizer = Muon([{"params": [weight], "lr": 0.5, "orthogonal": True}])
    torch.manual_seed(0)
    weight.grad = torch.randn(weight.shape) * 1e-12  # however small the gradient
    optimizer.step()
    values = torch.linalg.svdvals(weight.detach().flatten(1))
    assert values.min() > 0.25 and values.max() < 0.65


def test_a_stack_of_matrices_is_turned_one_by_one():
    torch.manual_seed(0)
    gradients = torch.randn(3, 6, 6) * torch.tensor([1.0, 1e-3, 1e3])[:, None, None]
    stack = torch.nn.Parameter(torch.zeros(3, 6, 6))
    alone = [torch.nn.Parameter(torch.zeros(6, 6)) for _ in range(3)]
    stack.grad = gradients
    for parameter, gradient in zip(alone, gradients, strict=True):
        parameter.grad = gradient
    for parameters in ([stack], alone):
        Muon([{"params": parameters, "lr": 0.5, "orthogonal": True}]).step()
    torch.testing.assert_close(stack.detach(), torch.stack([each.detach() for each in alone]))
    assert stack.detach().abs().amax((1, 2)).min() > 0.1


def test_a_matrix_of_a_stack_without_gradient_stays_where_it_is():
    torch.manual_seed(0)
    gradients = torch.randn(3, 2, 6, 6)
    stack = torch.nn.Parameter(torch.zeros(2, 6, 6))
    alone = torch.nn.Parameter(torch.zeros(1, 6, 6))
    both = Muon([{"params": [stack], "lr": 0.5, "orthogonal": True}])
    one = Muon([{"params": [alone], "lr": 0.5, "orthogonal": True}])
    for step, gradient in enumerate(gradients):
        stack.grad = gradient.clone()
        if step == 1:  # the first style is not among this step's pictures
            stack.grad[0] = 0
        else:
            alone.grad = gradient[:1]
            one.step()
        both.step()
    torch.testing.assert_close(stack.detach()[:1], alone.detach())


def test_weights_that_nothing_holds_up_decay():
    start = torch.ones(4, 3)
    weight = torch.nn.Parameter(start.clone())
    optimizer = Muon([{"params": [weight], "lr": 0.5, "orthogonal": True}])
    weight.grad = torch.zeros_like(weight)
    optimizer.step()
    torch.testing.assert_close(weight.detach(), start * (1 - 0.5 * DECAY))


def test_a_group_may_have_its_own_momentum():
    torch.manual_seed(0)
    gradients = torch.randn(2, 4, 4)
    steps = {}
    for momentum in (0.0, 0.9):
        weight = torch.nn.Parameter(torch.zeros(4, 4))
        group = orthogonal([weight], FitSettings(rate=0.5, momentum=momentum))
        optimizer = Muon([group])
        for gradient in gradients:
            weight.grad = gradient
            before = weight.detach().clone()
            optimizer.step()
        steps[momentum] = weight.detach() - before * (1 - 0.5 * DECAY)
    alone = -0.5 * orthogonalized(gradients[1])
    torch.testing.assert_close(steps[0.0], alone)  # the first gradient is forgotten
    assert not torch.allclose(steps[0.9], alone, atol=0.05)


def test_the_first_and_the_last_convolution_are_not_inside():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Conv2d(4, 3, 3))
    inner, others = inner_weights(network)
    assert [each is network[1].weight for each in inner] == [True]
    assert len(others) == 5


def test_its_state_can_be_saved_and_loaded():
    torch.manual_seed(0)
    gradients = [torch.randn(4, 6) for _ in range(4)]
    start = torch.randn(4, 6)

    def fresh(value):
        weight = torch.nn.Parameter(value.clone())
        return weight, Muon([{"params": [weight], "lr": 0.1, "orthogonal": True}])

    weight, optimizer = fresh(start)
    for gradient in gradients[:2]:
        weight.grad = gradient
        optimizer.step()
    other, resumed = fresh(weight.detach())
    resumed.load_state_dict(deepcopy(optimizer.state_dict()))
    for gradient in gradients[2:]:
        for each, one in ((weight, optimizer), (other, resumed)):
            each.grad = gradient
            one.step()
    assert torch.equal(weight, other)
