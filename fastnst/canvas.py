"""A photo as the slow methods work on it, and the way back to a picture like the photo."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from fastnst.choices import Size, output_size
from fastnst.images import Photo, put_together, resized, take_apart

# The long side of what slow methods make, unless another is asked for: the paper's.
USUAL_SIDE = 512


@dataclass(frozen=True)
class Canvas:
    """A photo's pixels at the size of the result.

    Attributes:
        picture: RGB, upright.
    """

    picture: Image.Image
    _photo: Photo

    @classmethod
    def of(cls, photo: Image.Image, size: Size | None) -> "Canvas":
        """The canvas of any picture.

        Args:
            photo: of any mode.
            size: of the result, as `output_size` takes it; by default the photo's own.

        Raises:
            PictureError: the photo cannot be worked on, or the size is out of range.
        """
        taken = take_apart(photo)
        pixels = resized(taken.pixels, output_size(taken.size, size))
        return cls(Image.fromarray(pixels), taken)

    @classmethod
    def usual(cls, photo: Image.Image, size: Size | None) -> "Canvas":
        """As `of`; by default 512 pixels on the long side, or what the photo has, if less."""
        return cls.of(photo, size or min(USUAL_SIDE, max(photo.size)))

    def finish(self, made: Image.Image) -> Image.Image:
        """What was made of the canvas, with the photo's transparency, EXIF and colour profile."""
        alpha = self._photo.alpha
        return put_together(
            np.asarray(made), self._photo, None if alpha is None else resized(alpha, made.size)
        )
