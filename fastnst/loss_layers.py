"""The layers of the loss network: what they are called, and how many maps they have."""

from collections.abc import Sequence

from fastnst.errors import SettingError

# VGG-16: output channels of the convolutions, block by block. A 2×2 max-pooling stands between
# blocks.
BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
WIDTHS = {
    f"relu{number}_{place}": width
    for number, block in enumerate(BLOCKS, 1)
    for place, width in enumerate(block, 1)
}
LAYERS = tuple(WIDTHS)


def check_layers(layers: Sequence[str]) -> None:
    """Refuse layers that the loss network does not have.

    Raises:
        SettingError: one is not, or none is given.
    """
    unknown = [layer for layer in layers if layer not in LAYERS]
    if unknown or not layers:
        what = f"There is no layer {str(unknown[0])[:40]!r}" if unknown else "No layer was given"
        raise SettingError(f"{what}; the layers are {', '.join(LAYERS)}.")
