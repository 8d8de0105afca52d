"""Photos to train on where nobody has brought any: those that Gradio carries."""

from pathlib import Path

from gradio.media import get_image

TRAINED_ON = ("tower.jpg", "groot.jpeg", "cheetah.jpg", "lion.jpg")
HELD_OUT = ("cheetah1.jpg",)


def built_in_photos() -> tuple[list[Path], list[Path]]:
    """Photos to train on, and others to measure with."""
    return _paths(TRAINED_ON), _paths(HELD_OUT)


def _paths(names: tuple[str, ...]) -> list[Path]:
    return [Path(get_image(name)) for name in names]
