"""Training a style network: its losses, its start, its previews (section 3.2 of the paper)."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from fastnst.checkpoint import MATRICES, MIXING, STYLE_TABLE, Base, Checkpoint, Style, is_of_styles
from fastnst.errors import TrainingError
from fastnst.fit import choose_precision
from fastnst.grain import grain
from fastnst.grams import factor
from fastnst.losses import content_loss, gram_matrices, style_loss, tone_loss, total_variation_loss
from fastnst.muon import inner_weights, orthogonal
from fastnst.nearness import nearness
from fastnst.networks import (
    ARCHITECTURES,
    StyleNetwork,
    architecture_settings,
    build_network,
    network_tensors,
)
from fastnst.networks.vgg import LossNetwork
from fastnst.paintings import check_painting, painting_factors, painting_grams
from fastnst.photos import Crops, Photo, Photos
from fastnst.settings import StyleSettings
from fastnst.style_samples import StyleSamples, strength_weight
from fastnst.tensors import to_picture, to_tensor

HELD_OUT_CROPS = 4
START_PHOTOS = 2  # crops that tell how near known styles are to a new one
START_SIDE = 256  # pixels that are enough for it


class StyleTask:
    """A `Task` for `fastnst.fit`: one network, N paintings."""

    def __init__(
        self,
        settings: StyleSettings,
        photos: Photos,
        paintings: Sequence[tuple[Style, Image.Image]],
        loss_network: LossNetwork,
        *,
        previews: Sequence[Image.Image] = (),
        held_out: Sequence[Photo] = (),
        start: Checkpoint | None = None,
        start_name: str = "",
    ) -> None:
        """Prepare a training.

        Args:
            settings: how to train.
            photos: to take crops from; see `fastnst.photos.find_photos`.
            paintings: what each style is and its picture.
            loss_network: φ.
            previews: photos to show progress on, all of one size.
            held_out: photos that `held_out_loss` is measured on; without any it cannot be.
            start: weights to start from; styles of the same name start from theirs, others from
                a mixture of all; see `nearness`.
            start_name: what `fastnst.load` calls them, for an adapter to name its base.

        Raises:
            TrainingError: a painting is too small or of one colour, two share a name, or the
                settings do not fit.
        """
        self.settings = settings
        self.start = start
        self.styles = [style for style, _ in paintings]
        self.previews = previews
        self.loss_network = loss_network
        self.style_layers = settings.style_layers.split(",")
        self.targets = self._targets(paintings)
        self.factors = painting_factors(
            settings.painting_weights, [style.name for style in self.styles]
        )
        self.base = None
        if settings.learn == "styles":
            if start is None:
                raise TrainingError("To learn a style alone, a network to start from is needed.")
            self.base = Base(start.trunk, start_name)
        self._half = choose_precision(settings.precision) == "bf16"
        torch.manual_seed(settings.seed)
        self.held_out = Crops(held_out, settings.crop, settings.seed)
        self.crops = Crops(photos, settings.crop, settings.seed)
        network = self._build()
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if settings.learn == "styles":
            self.network.requires_grad_(False)
            for table in (self.network.styles, *self.network.matrices()):
                table.requires_grad_()
        self.samples = StyleSamples(self.crops, len(paintings), settings, self.network.grain)
        self.grow(0.0)

    def grow(self, share: float) -> None:
        """Small crops first: more than twice as many steps in the time, each nearly as good."""
        first, crop = self.settings.first_crop, self.settings.crop
        small = first and share < self.settings.first_share
        self.crops.crop = min(first, crop) if small else crop

    def parameter_groups(self) -> list[dict[str, Any]]:
        settings, network = self.settings, self.network
        if settings.learn == "styles":
            return [
                orthogonal(network.matrices(), settings),
                {"params": [network.styles], "lr": settings.style_rate},
            ]
        vectors, matrices = [network.styles, network.photo], network.matrices()
        inner, others = inner_weights(network)
        apart = {id(value) for value in (*vectors, *matrices)}
        rest = [value for value in others if id(value) not in apart]
        return [
            orthogonal([*inner, *matrices], settings),
            {"params": rest, "lr": settings.adam_rate},
            {"params": vectors, "lr": settings.style_rate},
        ]

    def losses(self, network: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        settings = self.settings
        photos, strength = batch["photo"], batch["strength"]
        vectors = self.network.at_strength(self.network.vectors()[batch["style"]], strength)
        grained = batch["grained"].contiguous(memory_format=torch.channels_last)
        made = network(grained, vectors)
        content, style = self._compare(made, photos, batch["style"])
        factors = self.factors.to(made.device)[batch["style"]]
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
        tensors = network_tensors(self.network)
        for key in tensors:
            if key.endswith(MATRICES):  # half precision does, and halves the file
                tensors[key] = tensors[key].astype(np.float16).astype(np.float32)
        if self.base:
            tensors = {key: table for key, table in tensors.items() if is_of_styles(key)}
        return Checkpoint(
            task="style",
            architecture=self.settings.architecture,
            settings=self._network_settings(),
            tensors=tensors,
            styles=tuple(self.styles),
            training=training,
            base=self.base,
            grams=self._factors,
        )

    @cached_property
    def _factors(self) -> dict[str, dict[str, NDArray[np.float32]]]:
        """What is kept of the paintings."""
        return {
            style.name: {layer: factor(grams[row]) for layer, grams in self.targets.items()}
            for row, style in enumerate(self.styles)
        }

    def preview(self) -> Image.Image:
        """A row a photo: the photo, then each style."""
        rows = [
            [photo, *(self.paint(photo, row) for row in range(len(self.styles)))]
            for photo in self.previews
        ]
        width, height = rows[0][0].size
        sheet = Image.new("RGB", (width * len(rows[0]), height * len(rows)))
        for down, row in enumerate(rows):
            for across, picture in enumerate(row):
                sheet.paste(picture, (across * width, down * height))
        return sheet

    @torch.no_grad()
    def paint(self, photo: Image.Image, row: int = 0) -> Image.Image:
        """A photo in a style, as the network is now; row is that of its table."""
        device = next(self.network.parameters()).device
        x = to_tensor(photo)
        x = x + self.network.grain * torch.from_numpy(grain(*x.shape[2:]))
        with self.precision():
            made = self.network(x.to(device), self.network.vectors()[row : row + 1])
        return to_picture(made.float())

    @torch.no_grad()
    def held_out_loss(self) -> float:
        """The objective, content and style, of photos that are not trained on.

        With fewer photos than HELD_OUT_CROPS, several crops of each.
        """
        settings = self.settings
        losses = []
        for index in range(HELD_OUT_CROPS):
            crop = self.held_out.read(index, self.held_out.generator(index))
            photo = torch.from_numpy(crop)[None].to(self.loss_network.mean.device)
            noise = self.network.grain * torch.from_numpy(grain(*crop.shape[1:]))
            style = torch.tensor([index % len(self.styles)])
            with self.precision():
                made = self.network(photo + noise.to(photo.device), self.network.vectors()[style])
                content, style_part = self._compare(made, photo, style)
            losses.append(settings.content_weight * content + settings.style_weight * style_part)
        return float(torch.cat(losses).mean())

    def _compare(self, made: Tensor, photos: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        """The content loss and the style loss of each picture made, (B,) both."""
        layer = self.settings.content_layer
        features = self.loss_network(made, {*self.style_layers, layer})
        with torch.no_grad():
            kept = self.loss_network(photos, [layer])
        grams = gram_matrices({each: features[each] for each in self.style_layers})
        targets = {each: of.to(made.device)[style] for each, of in self.targets.items()}
        return content_loss(features[layer], kept[layer]), style_loss(grams, targets)

    def precision(self) -> torch.autocast:
        """As `fit` computes, for what is computed besides."""
        device = self.loss_network.mean.device.type
        return torch.autocast(device, torch.bfloat16, enabled=self._half)

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

    def _network_settings(self) -> dict[str, Any]:
        known = self.start.settings if self.start else {}
        mixing = self.settings.mixing or self.settings.learn == "styles" or known.get(MIXING)
        own = {STYLE_TABLE: len(self.styles), MIXING: int(bool(mixing))}
        return architecture_settings(self.settings.architecture, **{**known, **own})

    def _build(self) -> StyleNetwork:
        start = self.start
        if start and start.architecture != self.settings.architecture:
            raise TrainingError(
                f"Cannot start from a {start.architecture} network to train a "
                f"{self.settings.architecture} one."
            )
        network = ARCHITECTURES[self.settings.architecture].network(**self._network_settings())
        assert isinstance(network, StyleNetwork)
        if start is None:
            return network
        known = build_network(start)
        assert isinstance(known, StyleNetwork)
        state = known.state_dict()
        shares = self._shares(start, known)
        mixed = {
            key: torch.tensordot(shares, table, 1)
            for key, table in state.items()
            if is_of_styles(key)
        }
        own = network.state_dict()  # matrices of zeros, if the start has none
        network.load_state_dict({**own, **state, **mixed})
        return network

    def _shares(self, start: Checkpoint, known: StyleNetwork) -> Tensor:
        """Of each style that is known (S), in what each of ours (N) starts from: (N, S)."""
        names = [style.name for style in start.styles]
        shares = torch.zeros(len(self.styles), len(names))
        new = [row for row, style in enumerate(self.styles) if style.name not in names]
        if new:
            crops = [self.crops.read(i, self.crops.generator(i)) for i in range(START_PHOTOS)]
            photos = torch.from_numpy(np.stack(crops))[:, :, :START_SIDE, :START_SIDE]
            with self.precision():
                shares[new] = nearness(
                    known,
                    {layer: each[new] for layer, each in self.targets.items()},
                    self.loss_network,
                    photos,
                ).float()
        for row, style in enumerate(self.styles):
            if style.name in names:
                shares[row, names.index(style.name)] = 1
        return shares
