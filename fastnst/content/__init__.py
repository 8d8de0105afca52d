"""Photos to train on where nobody has brought any: some of our own, and those that Gradio carries.

They are few, but as unlike as can be: with 32 photos a style is learnt as well as with 1,260, with
four animals it is an eighth worse. The README beside them says whose they are.
"""

from pathlib import Path

from gradio.media import get_image

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
    return [Path(get_image(name)) for name in names]
