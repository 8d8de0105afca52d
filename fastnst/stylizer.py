"""`Stylizer`: photos in, paintings out."""

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fastnst.adapters import completed, join
from fastnst.catalog import DEFAULT_STYLES, load
from fastnst.checkpoint import Checkpoint, Style
from fastnst.choices import (
    BRUSHES,
    STRENGTHS,
    Blend,
    Size,
    blend_shares,
    check_number,
    check_style,
    output_size,
)
from fastnst.engines import AUTO, Engine, create_engine
from fastnst.errors import CheckpointError
from fastnst.hub.pretrained import Pretrained
from fastnst.images import Photo, check_size, put_together, resized, take_apart

# Trunk, engine, device → what computes it, as long as somebody uses it.
_ENGINES: WeakValueDictionary[tuple[str, str, str], Engine] = WeakValueDictionary()
_SHARING = Lock()
# Below this strength the photo itself fades in, so that strength 0 is the photo, untouched.
FADE = 0.25


class Stylizer(Pretrained):
    """Repaints photos in the styles of one trained network. Threads may share one.

    Attributes:
        checkpoint: what it was made from.
        styles: the names of its styles.
        device: where it runs and how precisely, for people: "CPU bf16".
    """

    def __init__(
        self,
        weights: str | Path | Checkpoint = DEFAULT_STYLES,
        *,
        base: str | Path | Checkpoint | None = None,
        engine: str = AUTO,
        device: str = AUTO,
    ) -> None:
        """Load a network and prepare it for this machine.

        Networks that differ in their styles alone share one engine.

        Args:
            weights: a shipped name, a checkpoint file, a folder, a Hub id, or a checkpoint; a
                whole network, or an adapter.
            base: of an adapter, its network; by default it is found, see `fastnst.adapters`.
            engine: "openvino" or "torch"; by default the fastest.
            device: "cpu", "cuda" or "mps"; by default the fastest.

        Raises:
            CheckpointError: the weights are missing, damaged or not of styles, or an adapter's
                base is not to be had.
            EngineError: the engine or device is unknown or not on this machine.
        """
        # It brings torch, which only whoever paints has to wait for.
        from fastnst.engines.pixels import PixelStyleNetwork
        from fastnst.networks import StyleNetwork, build_network

        self.checkpoint = _read(weights)
        whole = completed(self.checkpoint, None if base is None else _read(base))
        network = build_network(whole)
        if not isinstance(network, StyleNetwork):
            raise CheckpointError(f"The weights are for {self.checkpoint.task}, not for style.")
        if len(network.styles) != len(self.checkpoint.styles):
            raise CheckpointError(
                "The weights do not describe the styles that they hold: "
                f"they hold {len(network.styles)}, and describe {len(self.checkpoint.styles)}."
            )
        self._stride = network.stride
        self._controls = network.controls
        self._photo_vector = network.photo.detach().numpy().copy()
        vectors = network.vectors().detach().numpy().copy()
        self._vectors = dict(zip(self.styles, vectors, strict=True))
        self._whole = whole
        self._options = {"engine": engine, "device": device}
        key = (whole.trunk, engine, device)
        with _SHARING:
            shared = _ENGINES.get(key)
            if shared is None:
                shared = create_engine(PixelStyleNetwork(network), engine, device)
                _ENGINES[key] = shared
        self._engine = shared
        self.device = self._engine.description

    @property
    def styles(self) -> list[str]:
        return [style.name for style in self.checkpoint.styles]

    def with_styles(self, *adapters: str | Path | Checkpoint) -> "Stylizer":
        """This network with more styles, on the same engine: adapters that were trained on it.

        Raises:
            CheckpointError: an adapter is no good, or belongs to another network.
            StyleError: there is a style of that name already.
        """
        return Stylizer(join(self._whole, [_read(each) for each in adapters]), **self._options)

    def describe(self, style: str) -> Style:
        """The painting that a style was learnt from.

        Raises:
            StyleError: there is no such style.
        """
        check_style(style, self.styles)
        return next(each for each in self.checkpoint.styles if each.name == style)

    def __call__(
        self,
        photo: Image.Image,
        style: Blend | None = None,
        strength: float = 1.0,
        keep_colors: bool = False,
        brush: float = 1.0,
        size: Size | None = None,
        *,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Image.Image:
        """Repaint a photo.

        Args:
            photo: of any mode; turned upright.
            style: a style's name, or names with weights for a blend; the weights are made to
                sum to 1. By default the first style.
            strength: 0 is the photo, 1 the style as trained, up to 1.5 beyond it. It moves the
                style vector between "no style" and the style; both ends were trained, so there is
                no ghost of the photo as there is when results are mixed.
            keep_colors: take only light and dark from the result, colours from the photo.
            brush: size of the strokes, 0.5 to 2.
            size: of the result: the long side in pixels, or (width, height); by default the
                photo's.
            cancelled: asked several times a second; a yes stops the work.

        Returns:
            An RGB picture, RGBA if the photo has transparency, with the photo's EXIF and colour
            profile in `info`.

        Raises:
            PictureError: the photo cannot be worked on, or the size is out of range.
            StyleError: an unknown style.
            SettingError: a setting that is out of range.
            CancelledError: `cancelled` said so.
        """
        strength = check_number("strength", strength, STRENGTHS)
        brush = check_number("brush", brush, BRUSHES)
        vector = self._blend(style if style is not None else self.styles[0], strength)
        taken = take_apart(photo)
        width, height = output_size(taken.size, size)
        pixels = resized(taken.pixels, (width, height))
        made = self._paint(pixels, vector, brush, cancelled) if strength else pixels
        if 0 < strength < FADE:
            made = _mix(pixels, made, strength / FADE)
        if keep_colors and strength:  # strength 0 is the photo, untouched
            made = with_colors_of(pixels, made)
        return put_together(made, taken, _resized_alpha(taken, (width, height)))

    def _blend(self, style: Blend, strength: float) -> NDArray[np.float32]:
        shares = blend_shares(style, self.styles)
        mixed = np.sum([self._vectors[name] * share for name, share in shares.items()], axis=0)
        photo = _widened(self._photo_vector, len(mixed))
        vector = photo + strength * (mixed - photo)
        return _widened(vector.astype(np.float32), self._controls)

    def _paint(
        self,
        pixels: NDArray[np.uint8],
        vector: NDArray[np.float32],
        brush: float,
        cancelled: Callable[[], bool],
    ) -> NDArray[np.uint8]:
        """Run the network at the scale that makes strokes `brush` times their size."""
        height, width = pixels.shape[:2]
        inner = (
            max(self._stride * 2, round(width / brush)),
            max(self._stride * 2, round(height / brush)),
        )
        check_size(*inner, what="With this brush the working picture")
        made = self._run(resized(pixels, inner), vector, cancelled)
        return resized(made, (width, height))

    def _run(
        self,
        pixels: NDArray[np.uint8],
        vector: NDArray[np.float32],
        cancelled: Callable[[], bool],
    ) -> NDArray[np.uint8]:
        """Run the network on a picture with a mirrored margin, where borders may go wrong."""
        height, width = pixels.shape[:2]
        before = self._stride
        rows = (before, before + -height % self._stride)
        columns = (before, before + -width % self._stride)
        padded = np.pad(pixels, (rows, columns, (0, 0)), mode="reflect")
        made = self._engine.run(padded, vector, cancelled)
        return made[before : before + height, before : before + width]


def _read(weights: str | Path | Checkpoint) -> Checkpoint:
    return weights if isinstance(weights, Checkpoint) else load(weights)


def _widened(vector: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """A style vector with more matrices behind it: those of zeros mix nothing."""
    return np.pad(vector, (0, length - len(vector)))


def _resized_alpha(photo: Photo, size: tuple[int, int]) -> NDArray[np.uint8] | None:
    return None if photo.alpha is None else resized(photo.alpha, size)


def _mix(first: NDArray[np.uint8], second: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    return np.asarray(Image.blend(Image.fromarray(first), Image.fromarray(second), share))


def with_colors_of(photo: NDArray[np.uint8], made: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The luma of one picture with the chroma of another (Gatys 2016, "Preserving color")."""
    luma = Image.fromarray(made).convert("YCbCr").getchannel("Y")
    _, *chroma = Image.fromarray(photo).convert("YCbCr").split()
    return np.asarray(Image.merge("YCbCr", (luma, *chroma)).convert("RGB"))
