"""The known style that a new one is learnt from."""

from collections.abc import Mapping

import torch
from torch import Tensor

from fastnst.losses import gram_matrices, style_loss
from fastnst.networks import StyleNetwork
from fastnst.networks.vgg import LossNetwork


@torch.no_grad()
def nearest_styles(
    network: StyleNetwork, targets: Mapping[str, Tensor], loss_network: LossNetwork, photos: Tensor
) -> list[int]:
    """For each painting, the style of a network that paints most like it: a row of its table.

    Args:
        network: what knows the styles.
        targets: layer → (N, C, C), the Gram matrices of N paintings.
        loss_network: φ.
        photos: (B, 3, H, W) that the styles are tried on; the mean of their Gram matrices counts.
    """
    losses = []
    for vector in network.vectors():
        made = network(photos, vector.expand(len(photos), -1))
        grams = gram_matrices(loss_network(made, targets))
        mean = {layer: gram.mean(0, keepdim=True) for layer, gram in grams.items()}
        losses.append(style_loss(mean, targets))
    return torch.stack(losses).argmin(0).tolist()
