"""Training a style network: its samples, its losses, its previews (section 3.2 of the paper)."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import Dataset

from fastnst.checkpoint import Checkpoint, Style
from fastnst.choices import STRENGTHS
from fastnst.errors import TrainingError
from fastnst.grain import TILE, grain_tile
from fastnst.losses import content_loss, gram_matrices, style_loss, tone_loss, total_variation_loss
from fastnst.networks import (
    ARCHITECTURES,
    StyleNetwork,
    architecture_settings,
    build_network,
    network_tensors,
)
from fastnst.networks.vgg import LossNetwork
from fastnst.photos import Crops
from fastnst.settings import StyleSettings

STRONGEST = STRENGTHS[1]
# How much more the style weighs at the strongest setting than at 1.
STRONGEST_WEIGHT = 4.0
SMALLEST_PAINTING = 64


def strength_weight(strength: Tensor) -> Tensor:
    """The factor of the style weight that a network is trained for at a strength in [0, 1.5]."""
    beyond = STRONGEST_WEIGHT ** ((strength - 1) / (STRONGEST - 1))
    return torch.where(strength < 1, strength.square(), beyond)


def to_tensor(picture: Image.Image) -> Tensor:
    """An RGB picture as (1, 3, H, W) in [0, 1]."""
    pixels = np.asarray(picture.convert("RGB"), np.float32).transpose(2, 0, 1) / 255
    return torch.from_numpy(np.ascontiguousarray(pixels))[None]


def to_picture(tensor: Tensor) -> Image.Image:
    """(1, 3, H, W) in [0, 1] as a picture."""
    pixels = tensor.detach()[0].clamp(0, 1).mul(255).round().byte().permute(1, 2, 0)
    return Image.fromarray(pixels.cpu().numpy())


def fit_short_side(picture: Image.Image, side: int) -> Image.Image:
    """Resize so that the short side is `side` pixels."""
    factor = side / min(picture.size)
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    return picture.resize(size, Image.Resampling.LANCZOS)


def painting_grams(
    painting: Image.Image, loss_network: LossNetwork, layers: Sequence[str], side: int
) -> dict[str, Tensor]:
    """The Gram matrices of a painting at a size: layer → (1, C, C)."""
    pixels = to_tensor(fit_short_side(painting, side)).to(loss_network.mean.device)
    with torch.no_grad():
        features = loss_network(pixels, layers)
    return gram_matrices(features)


class StyleSamples(Dataset[dict[str, Tensor]]):
    """Crops, each with a style and a strength to paint it in."""

    def __init__(self, crops: Crops, styles: int, settings: StyleSettings, grain: float) -> None:
        self.crops = crops
        self.styles = styles
        self.settings = settings
        self.grain = grain

    def __len__(self) -> int:
        return self.settings.steps * self.settings.batch

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        rng = self.crops.generator(index)
        photo = torch.from_numpy(self.crops.read(index, rng))
        lap, place = divmod(index, self.styles)
        order = np.random.default_rng((self.settings.seed, 2, lap)).permutation(self.styles)
        strength = 1.0
        if rng.random() < self.settings.varied_strengths:
            strength = rng.uniform(0, STRONGEST)
        rows, columns = rng.integers(0, TILE, 2)
        tile = np.roll(grain_tile(), (-rows, -columns), (1, 2))
        side = self.crops.crop
        repeats = -(-side // TILE)
        noise = np.tile(tile, (1, repeats, repeats))[:, :side, :side]
        return {
            "photo": photo,
            "grained": photo + self.grain * torch.from_numpy(noise),
            "style": torch.tensor(int(order[place])),
            "strength": torch.tensor(strength, dtype=torch.float32),
        }


class StyleTask:
    """A `Task` for `fastnst.fit`: one network, N paintings."""

    def __init__(
        self,
        settings: StyleSettings,
        photos: Sequence[Path],
        paintings: Sequence[tuple[Style, Image.Image]],
        loss_network: LossNetwork,
        *,
        previews: Sequence[Image.Image] = (),
        start: Checkpoint | None = None,
    ) -> None:
        """Prepare a training.

        Args:
            settings: how to train.
            photos: files to take crops from.
            paintings: what each style is and its picture.
            loss_network: φ.
            previews: photos to show progress on.
            start: weights to start from; styles of the same name start from theirs, others from
                their mean.

        Raises:
            TrainingError: a painting is too small or of one colour, or two share a name.
        """
        self.settings = settings
        self.styles = [style for style, _ in paintings]
        self.previews = previews
        self.loss_network = loss_network
        self.style_layers = settings.style_layers.split(",")
        self.targets = self._targets(paintings)
        self.factors = painting_factors(
            settings.painting_weights, [style.name for style in self.styles]
        )
        torch.manual_seed(settings.seed)
        network = self._build(start)
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.crops = Crops(photos, settings.crop, settings.seed)
        self.samples = StyleSamples(self.crops, len(paintings), settings, self.network.grain)

    def parameter_groups(self) -> list[dict[str, Any]]:
        vectors = [self.network.styles, self.network.photo]
        others = [
            value
            for name, value in self.network.named_parameters()
            if name not in ("styles", "photo")
        ]
        return [
            {"params": others, "lr": self.settings.rate},
            {"params": vectors, "lr": self.settings.style_rate},
        ]

    def losses(self, network: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        settings = self.settings
        photos, strength = batch["photo"], batch["strength"]
        vectors = self.network.photo + strength[:, None] * (
            self.network.styles[batch["style"]] - self.network.photo
        )
        grained = batch["grained"].contiguous(memory_format=torch.channels_last)
        made = network(grained, vectors)
        layers = {*self.style_layers, settings.content_layer}
        features = self.loss_network(made, layers)
        with torch.no_grad():
            kept = self.loss_network(photos, [settings.content_layer])
        factors = self.factors.to(made.device)[batch["style"]]
        targets = {
            layer: grams.to(made.device)[batch["style"]] for layer, grams in self.targets.items()
        }
        grams = gram_matrices({layer: features[layer] for layer in self.style_layers})
        content = content_loss(features[settings.content_layer], kept[settings.content_layer])
        style = style_loss(grams, targets)
        tone = tone_loss(made.float(), photos)
        variation = total_variation_loss(made.float())
        total = (
            settings.content_weight * content
            + settings.style_weight * factors * strength_weight(strength) * style
            + settings.tone_weight * tone
            + settings.variation_weight * variation
        )
        default = strength == 1
        if not default.any():
            default = torch.ones_like(default)
        return {
            "total": total.mean(),
            "content": content[default].mean(),
            "style": style[default].mean(),
            "tone": tone.mean(),
            "variation": variation.mean(),
        }

    def checkpoint(self, training: Mapping[str, Any]) -> Checkpoint:
        return Checkpoint(
            task="style",
            architecture=self.settings.architecture,
            settings=architecture_settings(self.settings.architecture, styles=len(self.styles)),
            tensors=network_tensors(self.network),
            styles=tuple(self.styles),
            training=training,
        )

    @torch.no_grad()
    def preview(self) -> Image.Image:
        """A row a photo: the photo, then each style."""
        device = next(self.network.parameters()).device
        rows = []
        for photo in self.previews:
            x = to_tensor(photo).to(device)
            noise = torch.from_numpy(np.array(grain_tile()[:, : x.shape[2], : x.shape[3]]))
            grained = x + self.network.grain * noise.to(device)
            made = [self.network(grained, vector[None]) for vector in self.network.styles]
            rows.append(torch.cat([x, *made], 3))
        return to_picture(torch.cat(rows, 2))

    def _targets(self, paintings: Sequence[tuple[Style, Image.Image]]) -> dict[str, Tensor]:
        if not paintings:
            raise TrainingError("No paintings were given; training needs one at least.")
        names = [style.name for style, _ in paintings]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise TrainingError(f"Two paintings have the name {', '.join(sorted(twice))}.")
        grams = []
        for style, painting in paintings:
            check_painting(style.name, painting)
            grams.append(
                painting_grams(
                    painting, self.loss_network, self.style_layers, self.settings.style_size
                )
            )
        return {layer: torch.cat([each[layer] for each in grams]) for layer in self.style_layers}

    def _build(self, start: Checkpoint | None) -> StyleNetwork:
        count = len(self.styles)
        network = ARCHITECTURES[self.settings.architecture].network(styles=count)
        assert isinstance(network, StyleNetwork)
        if start is None:
            return network
        if start.architecture != self.settings.architecture:
            raise TrainingError(
                f"Cannot start from a {start.architecture} network to train a "
                f"{self.settings.architecture} one."
            )
        state = build_network(start).state_dict()
        known = {style.name: row for row, style in enumerate(start.styles)}
        rows = [
            state["styles"][known[style.name]] if style.name in known else state["styles"].mean(0)
            for style in self.styles
        ]
        network.load_state_dict({**state, "styles": torch.stack(rows)})
        return network


def painting_factors(text: str, names: Sequence[str]) -> Tensor:
    """The factor of the style weight for each painting, 1 where `text` says nothing.

    Args:
        text: as `StyleSettings.painting_weights`.
        names: of the paintings, in their order.

    Raises:
        TrainingError: a name is unknown, or a factor is not a positive number.
    """
    factors = dict.fromkeys(names, 1.0)
    for part in filter(None, text.split(",")):
        name, _, number = part.partition("=")
        if name not in factors:
            raise TrainingError(
                f"--painting-weights names {name!r}; the paintings are {', '.join(names)}."
            )
        try:
            factors[name] = float(number)
        except ValueError:
            factors[name] = math.nan
        if not 0 < factors[name] < math.inf:
            raise TrainingError(f"The factor of {name} is {number!r}; it is a number over 0.")
    return torch.tensor(list(factors.values()))


def check_painting(name: str, painting: Image.Image) -> None:
    """Refuse a painting that has no style to learn.

    Raises:
        TrainingError: it is smaller than 64 pixels, or of one colour.
    """
    if min(painting.size) < SMALLEST_PAINTING:
        raise TrainingError(
            f"The painting {name} is {painting.width}×{painting.height} pixels; "
            f"it needs {SMALLEST_PAINTING} on its short side at least."
        )
    if not np.ptp(np.asarray(painting.convert("RGB")), axis=(0, 1)).any():
        raise TrainingError(f"The painting {name} is of one colour; there is no style to learn.")
