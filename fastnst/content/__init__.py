"""Photos to train on where nobody has brought any: some of our own, and those that Gradio carries.

They are few, but as unlike as can be: with 32 photos a style is learnt as well as with 1,260, with
four animals it is an eighth worse. The README beside them says whose they are.
"""

from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
HELD_OUT = ("coast.webp", "coffee.webp")
GRADIO_TRAINED_ON = ("tower.jpg", "groot.jpeg", "cheetah.jpg", "lion.jpg")
GRADIO_HELD_OUT = ("cheetah1.jpg",)


def built_in_photos() -> tuple[list[Path], list[Path]]:
    """Photos to train on, and others to measure with."""
    trained_on = [path for path in sorted(HERE.glob("*.webp")) if path.name not in HELD_OUT]
    held_out = [HERE / name for name in HELD_OUT]
    return trained_on + _gradio(GRADIO_TRAINED_ON), held_out + _gradio(GRADIO_HELD_OUT)


def _gradio(names: tuple[str, ...]) -> list[Path]:
    """As `gradio.media.get_image` finds them, without the two seconds that importing it takes."""
    package = find_spec("gradio")
    assert package is not None and package.origin is not None
    return [Path(package.origin).parent / "media_assets" / "images" / name for name in names]
