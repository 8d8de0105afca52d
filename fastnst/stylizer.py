"""`Stylizer`: photos in, paintings out."""

import difflib
from collections.abc import Callable, Mapping
from functools import lru_cache
from numbers import Integral, Real
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fastnst.catalog import DEFAULT_STYLES, load
from fastnst.checkpoint import Checkpoint, Style
from fastnst.engines import AUTO, create_engine
from fastnst.errors import CheckpointError, PictureError, StyleError
from fastnst.grain import TILE, grain_tile
from fastnst.images import Photo, check_size, put_together, take_apart
from fastnst.networks import StyleNetwork, build_network

STRENGTHS = (0.0, 1.5)
BRUSHES = (0.5, 2.0)
WEIGHTS = (0.0, 1e6)
LONGEST_SIDE = 1_000_000
# Below this strength the photo itself fades in, so that strength 0 is the photo, untouched.
FADE = 0.25

Blend = str | Mapping[str, float]
Size = int | tuple[int, int]


class Stylizer:
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
        engine: str = AUTO,
        device: str = AUTO,
    ) -> None:
        """Load a network and prepare it for this machine.

        Args:
            weights: a shipped name, a checkpoint file, or a checkpoint.
            engine: "openvino" or "torch"; by default the fastest.
            device: "cpu", "cuda" or "mps"; by default the fastest.

        Raises:
            CheckpointError: the weights are missing, damaged or not of styles.
            EngineError: the engine or device is unknown or not on this machine.
        """
        self.checkpoint = weights if isinstance(weights, Checkpoint) else load(weights)
        network = build_network(self.checkpoint)
        if not isinstance(network, StyleNetwork):
            raise CheckpointError(f"The weights are for {self.checkpoint.task}, not for style.")
        if len(network.styles) != len(self.checkpoint.styles):
            raise CheckpointError(
                f"The weights hold {len(network.styles)} styles, "
                f"but describe {len(self.checkpoint.styles)}."
            )
        self._stride = network.stride
        self._grain = network.grain
        self._photo_vector = network.photo.detach().numpy().copy()
        self._vectors = {
            style.name: vector
            for style, vector in zip(
                self.checkpoint.styles, network.styles.detach().numpy().copy(), strict=True
            )
        }
        self._engine = create_engine(network, engine, device)
        self.device = self._engine.description

    @property
    def styles(self) -> list[str]:
        return [style.name for style in self.checkpoint.styles]

    def describe(self, style: str) -> Style:
        """The painting that a style was learnt from.

        Raises:
            StyleError: there is no such style.
        """
        self._vector(style)
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
            StyleError: an unknown style, or a setting that is out of range.
            CancelledError: `cancelled` said so.
        """
        strength = _number("strength", strength, STRENGTHS)
        brush = _number("brush", brush, BRUSHES)
        vector = self._blend(style if style is not None else self.styles[0], strength)
        taken = take_apart(photo)
        width, height = output_size(taken.size, size)
        pixels = _resize(taken.pixels, (width, height))
        made = self._paint(pixels, vector, brush, cancelled) if strength else pixels
        if 0 < strength < FADE:
            made = _mix(pixels, made, strength / FADE)
        if keep_colors and strength:  # strength 0 is the photo, untouched
            made = _with_colors_of(pixels, made)
        return put_together(made, taken, _resized_alpha(taken, (width, height)))

    def _blend(self, style: Blend, strength: float) -> NDArray[np.float32]:
        if not isinstance(style, str | Mapping):
            raise StyleError(
                f"A style is a name, or a mapping of names to weights, not {style!r:.40}."
            )
        weights = {style: 1.0} if isinstance(style, str) else dict(style)
        vectors = [self._vector(name) for name in weights]
        shares = [_number(f"weight of {name}", share, WEIGHTS) for name, share in weights.items()]
        total = sum(shares)
        if total <= 0:
            raise StyleError("A blend needs at least one style with a weight over 0.")
        mixed = sum(vector * (share / total) for vector, share in zip(vectors, shares, strict=True))
        vector = self._photo_vector + strength * (mixed - self._photo_vector)
        return vector.astype(np.float32)

    def _vector(self, name: str) -> NDArray[np.float32]:
        vector = self._vectors.get(name)
        if vector is None:
            near = difflib.get_close_matches(str(name).lower(), self._vectors, 1, 0.5)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(self._vectors)}."
            raise StyleError(f"There is no style {str(name)[:60]!r}; {hint}")
        return vector

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
        made = self._run(_resize(pixels, inner), vector, cancelled)
        return _resize(made, (width, height))

    def _run(
        self,
        pixels: NDArray[np.uint8],
        vector: NDArray[np.float32],
        cancelled: Callable[[], bool],
    ) -> NDArray[np.uint8]:
        height, width = pixels.shape[:2]
        padding = ((0, -height % self._stride), (0, -width % self._stride), (0, 0))
        if any(after for _, after in padding):
            pixels = np.pad(pixels, padding, mode="reflect")
        grain = _scaled_grain(*pixels.shape[:2], self._grain)
        made = self._engine.run(pixels, grain, vector, cancelled)
        return made[:height, :width]


def output_size(photo: tuple[int, int], size: Size | None) -> tuple[int, int]:
    """Width and height of the result.

    Args:
        photo: width and height of the photo.
        size: the long side in pixels, (width, height), or none for the photo's own size.

    Raises:
        PictureError: the size is not one, too small or too large.
    """
    if size is None:
        return photo
    sides = tuple(size) if isinstance(size, tuple | list) else (size,)
    if len(sides) not in (1, 2) or not all(map(_is_side, sides)):
        raise PictureError(
            f"A size is the long side or (width, height), whole numbers of pixels up to "
            f"{LONGEST_SIDE}, not {size!r:.40}."
        )
    if len(sides) == 2:
        width, height = (int(side) for side in sides)
    else:
        factor = sides[0] / max(photo)
        width, height = (max(1, round(side * factor)) for side in photo)
    check_size(width, height, what="The result")
    return width, height


def _is_side(value: object) -> bool:
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    return whole and 0 < int(value) <= LONGEST_SIDE  # type: ignore[call-overload]


def _number(name: str, value: float, allowed: tuple[float, float]) -> float:
    low, high = allowed
    if not isinstance(value, Real) or isinstance(value, bool) or not low <= value <= high:
        raise StyleError(f"The {name} is {value!r:.40}; allowed is {low:g} to {high:g}.")
    return float(value)


@lru_cache(maxsize=2)
def _scaled_grain(height: int, width: int, amount: float) -> NDArray[np.float32]:
    repeats = (1, -(-height // TILE), -(-width // TILE))
    grain = np.tile(grain_tile(), repeats)[:, :height, :width] * np.float32(amount)
    return np.ascontiguousarray(grain)


def _resize(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    if (pixels.shape[1], pixels.shape[0]) == size:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def _resized_alpha(photo: Photo, size: tuple[int, int]) -> NDArray[np.uint8] | None:
    return None if photo.alpha is None else _resize(photo.alpha, size)


def _mix(
    first: NDArray[np.uint8], second: NDArray[np.uint8], share: float
) -> NDArray[np.uint8]:
    return np.asarray(Image.blend(Image.fromarray(first), Image.fromarray(second), share))


def _with_colors_of(photo: NDArray[np.uint8], made: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The luma of one picture with the chroma of another (Gatys 2016, "Preserving color")."""
    luma = Image.fromarray(made).convert("YCbCr").getchannel("Y")
    _, *chroma = Image.fromarray(photo).convert("YCbCr").split()
    return np.asarray(Image.merge("YCbCr", (luma, *chroma)).convert("RGB"))
