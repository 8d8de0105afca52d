"""The experiments of the Lab tab, and what a visitor can choose; `fastnst.ui.trials` does them."""

from collections.abc import Mapping
from dataclasses import dataclass

from fastnst.settings import StyleSettings

OWN_PAINTING = ""
STARTS = {"The photo": "photo", "Noise": "noise", "The network's painting": "painting"}
SIDES = (256, 384, 512)
MOST_STEPS = 500
STYLE_LAYERS = StyleSettings().style_layers.split(",")


@dataclass(frozen=True)
class Wish:
    """What a visitor chose, in the words of the page.

    Attributes:
        experiment: a key of `EXPERIMENTS`.
        style: one whose painting is known, or `OWN_PAINTING`.
        start: of `STARTS`: what optimisation begins with.
        layer: to invert.
        layers: whose Gram matrices count in a reconstruction.
        steps: iterations.
        side: long side of the result.
    """

    experiment: str
    style: str
    start: str
    layer: str
    layers: list[str]
    steps: int
    side: int


@dataclass(frozen=True)
class Experiment:
    """An experiment that can be chosen.

    Attributes:
        label: what it is called.
        about: what happens, in a sentence.
        uses: the controls that count: of "style", "start", "layer", "layers", "steps".
    """

    label: str
    about: str
    uses: frozenset[str]


EXPERIMENTS: Mapping[str, Experiment] = {
    "optimise": Experiment(
        "Optimise",
        "Gatys' method paints by moving the pixels, iteration by iteration.",
        frozenset({"style", "start", "steps"}),
    ),
    "invert": Experiment(
        "Invert a layer",
        "From noise to a picture that one layer of VGG-16 takes for your photo.",
        frozenset({"layer", "steps"}),
    ),
    "reconstruct": Experiment(
        "Reconstruct a style",
        "From noise to a picture with a painting's style, and no content.",
        frozenset({"style", "layers", "steps"}),
    ),
    "fast": Experiment(
        "Fast inverter",
        "A network that was trained to invert a layer does it in one pass.",
        frozenset(),
    ),
}
