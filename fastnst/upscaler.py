"""`Upscaler`: small pictures in, large ones out."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from fastnst.catalog import SHIPPED, load
from fastnst.checkpoint import Checkpoint
from fastnst.choices import DETAILS, Size, check_number, check_scale, upscaled_size
from fastnst.engines import AUTO, Engine, create_engine
from fastnst.errors import CheckpointError
from fastnst.histogram import with_histogram_of
from fastnst.hub.pretrained import Pretrained
from fastnst.images import Photo, put_together, resized, take_apart
from fastnst.tiles import Pixels, enlarge
from fastnst.transparency import fill_hidden, has_soft_edges, resized_alpha, sharpened_alpha

DEFAULT_SCALE = 4
DEFAULT_DETAIL = 0.5
SMALLEST_SIDE = 1  # of a picture to enlarge
ENGINES = 3  # that stay ready: one for each of the details asked for last
NOTHING = np.zeros(0, np.float32)  # the control of a network that can do one thing

Weights = str | Path | Checkpoint


class Upscaler(Pretrained):
    """Enlarges pictures with one trained network. Threads may share one.

    The network comes in two flavours of one architecture, a faithful and a detailed one. Between
    them lies a line of networks whose weights are mixed of theirs (Wang et al. 2018, ESRGAN,
    section 3.4, network interpolation).

    Attributes:
        scale: how many times larger, each way.
        checkpoint: the faithful one that it was made from.
        detail_checkpoint: the detailed one; if there is none, `detail` has no effect.
        device: where it runs and how precisely, for people: "CPU bf16".
    """

    def __init__(
        self,
        scale: int | None = None,
        *,
        weights: Weights | None = None,
        detail_weights: Weights | None = None,
        engine: str = AUTO,
        device: str = AUTO,
    ) -> None:
        """Load the networks and prepare them for this machine.

        Args:
            scale: 4 or 8; by default that of `weights`, or 4.
            weights: the faithful network: a shipped name, a checkpoint file or a checkpoint. By
                default both flavours that ship for the scale.
            detail_weights: the detailed network to go with `weights`.
            engine: "openvino" or "torch"; by default the fastest.
            device: "cpu", "cuda" or "mps"; by default the fastest.

        Raises:
            SettingError: there is no such scale.
            CheckpointError: weights are missing, damaged, not of super-resolution, of another
                scale, or do not go together.
            EngineError: the engine or device is unknown or not on this machine.
        """
        if scale is not None:
            check_scale(scale)
        if weights is None:
            if detail_weights is not None:
                raise CheckpointError("Detailed weights need the faithful ones to go with.")
            weights, detail_weights = _shipped(scale or DEFAULT_SCALE)
        # It brings torch, which only whoever upscales has to wait for.
        from fastnst.networks import SRNetwork, build_network

        self.checkpoint = _load(weights)
        self.detail_checkpoint = None if detail_weights is None else _load(detail_weights)
        network = build_network(self.checkpoint)
        if not isinstance(network, SRNetwork):
            raise CheckpointError(f"The weights are for {self.checkpoint.task}, not for upscaling.")
        if scale not in (None, network.scale):
            raise CheckpointError(f"The weights are for scale {network.scale}, not {scale}.")
        if self.detail_checkpoint is not None:
            _check_pair(self.checkpoint, self.detail_checkpoint)
        self.scale = network.scale
        self._radius = network.radius
        self._machine = (engine, device)
        self._engine = lru_cache(ENGINES)(self._prepare)
        self.device = self._engine(self._share(DEFAULT_DETAIL)).description

    def __call__(
        self,
        photo: Image.Image,
        detail: float = DEFAULT_DETAIL,
        size: Size | None = None,
        match_histogram: bool = False,
        *,
        progress: Callable[[int, int], None] = lambda done, total: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Image.Image:
        """Enlarge a picture, in tiles if it is large: the memory needed is that of one tile.

        Args:
            photo: of any mode and size; turned upright.
            detail: 0 keeps to what can be known, 1 paints what is likely. A value that was not
                asked for lately takes a second to prepare.
            size: of the result: the long side in pixels, or (width, height); by default `scale`
                times the photo's. It is reached from the network's result by Lanczos.
            match_histogram: give each channel the photo's distribution, as the paper does.
            progress: told after each tile how many are done, and of how many.
            cancelled: asked several times a second; a yes stops the work.

        Returns:
            An RGB picture, RGBA if the photo has transparency, with the photo's EXIF and colour
            profile in `info`. Colours of wholly transparent pixels are not kept.

        Raises:
            PictureError: the photo cannot be worked on, or the result would be too large.
            SettingError: the detail is out of range.
            CancelledError: `cancelled` said so.
        """
        detail = check_number("detail", detail, DETAILS)
        taken = take_apart(photo, SMALLEST_SIDE)
        width, height = upscaled_size(taken.size, self.scale, size)
        # A side that is to become smaller is reduced beforehand; the network adds nothing there.
        inner = (min(width, taken.size[0]), min(height, taken.size[1]))
        alpha = None if taken.alpha is None else resized_alpha(taken.alpha, (width, height))
        layers = [resized(_visible(taken), inner)]
        if taken.alpha is not None and has_soft_edges(taken.alpha):
            layers.append(np.dstack([resized_alpha(taken.alpha, inner)] * 3))
        made, *opacity = self._enlarge(layers, (width, height), detail, progress, cancelled)
        if alpha is not None and opacity:
            alpha = sharpened_alpha(alpha, opacity[0][..., 1])
        if match_histogram:
            made = with_histogram_of(taken.pixels, made, taken.alpha, alpha)
        return put_together(made, taken, alpha)

    def _enlarge(
        self,
        layers: Sequence[Pixels],
        size: tuple[int, int],
        detail: float,
        progress: Callable[[int, int], None],
        cancelled: Callable[[], bool],
    ) -> list[Pixels]:
        """Run the network over pictures (H, W, 3) of one size, with one count of tiles."""
        engine = self._engine(self._share(detail))
        return [
            enlarge(
                layer,
                lambda pixels: engine.run(pixels, NOTHING, cancelled),
                self.scale,
                self._radius,
                size,
                progress=lambda done, total, before=number: progress(  # type: ignore[misc]
                    before * total + done, len(layers) * total
                ),
                cancelled=cancelled,
            )
            for number, layer in enumerate(layers)
        ]

    def _share(self, detail: float) -> float:
        """How much of the detailed network there is to be."""
        return 0.0 if self.detail_checkpoint is None else detail

    def _prepare(self, share: float) -> Engine:
        from fastnst.engines.pixels import PixelSRNetwork
        from fastnst.networks import SRNetwork, build_network

        network = build_network(_mixed(self.checkpoint, self.detail_checkpoint, share))
        assert isinstance(network, SRNetwork)
        return create_engine(PixelSRNetwork(network), *self._machine)


def _visible(photo: Photo) -> Pixels:
    return photo.pixels if photo.alpha is None else fill_hidden(photo.pixels, photo.alpha)


def _load(weights: Weights) -> Checkpoint:
    return weights if isinstance(weights, Checkpoint) else load(weights)


def _shipped(scale: int) -> tuple[str, str | None]:
    """The names of both flavours for a scale."""
    detail = f"upscale_x{scale}_detail"
    return f"upscale_x{scale}_fidelity", detail if detail in SHIPPED else None


def _check_pair(faithful: Checkpoint, detailed: Checkpoint) -> None:
    shapes = [
        (each.architecture, {key: array.shape for key, array in each.tensors.items()})
        for each in (faithful, detailed)
    ]
    if shapes[0] != shapes[1] or dict(faithful.settings) != dict(detailed.settings):
        raise CheckpointError(
            "The faithful and the detailed weights are not of the same architecture: "
            f"{faithful.architecture} with {dict(faithful.settings)}, "
            f"{detailed.architecture} with {dict(detailed.settings)}."
        )


def _mixed(faithful: Checkpoint, detailed: Checkpoint | None, share: float) -> Checkpoint:
    """A network on the line between two of one architecture."""
    if detailed is None:
        return faithful
    tensors = {
        key: (array + share * (detailed.tensors[key] - array)).astype(np.float32)
        for key, array in faithful.tensors.items()
    }
    return replace(faithful, tensors=tensors)
