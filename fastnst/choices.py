"""What can be chosen for a picture, and what is allowed. It is checked before any network loads."""

import difflib
import math
from collections.abc import Mapping, Sequence
from numbers import Integral, Real

from fastnst.errors import PictureError, SettingError, StyleError
from fastnst.images import PIXEL_LIMIT_VARIABLE, check_size, pixel_limit

STRENGTHS = (0.0, 1.5)
BRUSHES = (0.5, 2.0)
SCALES = (4, 8)
DETAILS = (0.0, 1.0)
WEIGHTS = (0.0, 1e6)
SECONDS = (0.0, 3600.0)
LONGEST_SIDE = 1_000_000

Blend = str | Mapping[str, float]
Size = int | tuple[int, int]


def blend_shares(style: Blend, styles: Sequence[str]) -> dict[str, float]:
    """The share of each style in a blend; they sum to 1.

    Args:
        style: a name, or names with weights.
        styles: the names that there are.

    Raises:
        StyleError: a name is unknown, or all weights are 0.
        SettingError: a weight is out of range.
    """
    if not isinstance(style, str | Mapping):
        raise StyleError(f"A style is a name, or a mapping of names to weights, not {style!r:.40}.")
    weights = {style: 1.0} if isinstance(style, str) else dict(style)
    for name in weights:
        check_style(name, styles)
    shares = {
        name: check_number(f"weight of {name}", weight, WEIGHTS) for name, weight in weights.items()
    }
    total = sum(shares.values())
    if total <= 0:
        raise StyleError("A blend needs at least one style with a weight over 0.")
    return {name: share / total for name, share in shares.items()}


def check_style(name: str, styles: Sequence[str]) -> None:
    """Refuse a name that no style has.

    Raises:
        StyleError: with the nearest name, if one is near.
    """
    if name not in styles:
        near = difflib.get_close_matches(str(name).lower(), styles, 1, 0.5)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(styles)}."
        raise StyleError(f"There is no style {str(name)[:60]!r}; {hint}")


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
    width, height = _sides(photo, size)
    check_size(width, height, what="The result")
    return width, height


def check_scale(scale: int) -> None:
    """Refuse a factor that there is no network for.

    Raises:
        SettingError: it is one.
    """
    if not isinstance(scale, Integral) or scale not in SCALES:
        allowed = " and ".join(map(str, SCALES))
        raise SettingError(f"The scale is {scale!r:.40}; allowed are {allowed}.")


def upscaled_size(photo: tuple[int, int], scale: int, size: Size | None = None) -> tuple[int, int]:
    """Width and height of an enlargement. No side is too small for one.

    Args:
        photo: width and height of the photo.
        scale: the factor.
        size: the long side in pixels, (width, height), or none for the whole enlargement.

    Raises:
        SettingError: there is no such factor.
        PictureError: the size is not one, or too large; it says what is the largest.
    """
    check_scale(scale)
    if size is None:
        what, (width, height) = f"At ×{scale} the result", (photo[0] * scale, photo[1] * scale)
    else:
        what, (width, height) = "The result", _sides(photo, size)
    if width * height > pixel_limit():
        largest = _sides(photo, largest_side(photo))
        raise PictureError(
            f"{what} is {width}×{height}, {width * height / 1e6:.0f} megapixels; the limit is "
            f"{pixel_limit() / 1e6:.4g} ({PIXEL_LIMIT_VARIABLE} raises it). The largest that "
            f"fits is {largest[0]}×{largest[1]}, ×{max(largest) / max(photo):.3g}: "
            f"ask for the size {max(largest)}."
        )
    return width, height


def largest_side(photo: tuple[int, int]) -> int:
    """The long side of the largest picture of a photo's shape within the limit of pixels."""
    side = math.ceil(max(photo) * math.sqrt(pixel_limit() / (photo[0] * photo[1])))
    side = min(side, LONGEST_SIDE)
    while math.prod(_sides(photo, side)) > pixel_limit():
        side -= 1
    return side


def _sides(photo: tuple[int, int], size: Size) -> tuple[int, int]:
    pair = isinstance(size, tuple | list)
    sides = tuple(size) if isinstance(size, tuple | list) else (size,)
    if len(sides) != 1 + pair or not all(map(_is_side, sides)):
        raise PictureError(
            f"A size is the long side or (width, height), whole numbers of pixels up to "
            f"{LONGEST_SIDE}, not {size!r:.40}."
        )
    if not pair:
        factor = sides[0] / max(photo)
        sides = tuple(max(1, round(side * factor)) for side in photo)
    return int(sides[0]), int(sides[1])


def check_number(name: str, value: float, allowed: tuple[float, float]) -> float:
    """A number that is within what is allowed.

    Raises:
        SettingError: it is not, or is no number.
    """
    low, high = allowed
    if not isinstance(value, Real) or isinstance(value, bool) or not low <= value <= high:
        raise SettingError(f"The {name} is {value!r:.40}; allowed is {low:g} to {high:g}.")
    return float(value)


def _is_side(value: object) -> bool:
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    return whole and 0 < int(value) <= LONGEST_SIDE  # type: ignore[call-overload]
