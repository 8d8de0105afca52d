"""What can be chosen for a picture, and what is allowed. It is checked before any network loads."""

import difflib
from collections.abc import Mapping, Sequence
from numbers import Integral, Real

from fastnst.errors import PictureError, StyleError
from fastnst.images import check_size

STRENGTHS = (0.0, 1.5)
BRUSHES = (0.5, 2.0)
WEIGHTS = (0.0, 1e6)
LONGEST_SIDE = 1_000_000

Blend = str | Mapping[str, float]
Size = int | tuple[int, int]


def blend_shares(style: Blend, styles: Sequence[str]) -> dict[str, float]:
    """The share of each style in a blend; they sum to 1.

    Args:
        style: a name, or names with weights.
        styles: the names that there are.

    Raises:
        StyleError: a name is unknown, a weight out of range, or all weights are 0.
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
    pair = isinstance(size, tuple | list)
    sides = tuple(size) if isinstance(size, tuple | list) else (size,)
    if len(sides) != 1 + pair or not all(map(_is_side, sides)):
        raise PictureError(
            f"A size is the long side or (width, height), whole numbers of pixels up to "
            f"{LONGEST_SIDE}, not {size!r:.40}."
        )
    if pair:
        width, height = (int(side) for side in sides)
    else:
        factor = sides[0] / max(photo)
        width, height = (max(1, round(side * factor)) for side in photo)
    check_size(width, height, what="The result")
    return width, height


def check_number(name: str, value: float, allowed: tuple[float, float]) -> float:
    """A number that is within what is allowed.

    Raises:
        StyleError: it is not, or is no number.
    """
    low, high = allowed
    if not isinstance(value, Real) or isinstance(value, bool) or not low <= value <= high:
        raise StyleError(f"The {name} is {value!r:.40}; allowed is {low:g} to {high:g}.")
    return float(value)


def _is_side(value: object) -> bool:
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    return whole and 0 < int(value) <= LONGEST_SIDE  # type: ignore[call-overload]
