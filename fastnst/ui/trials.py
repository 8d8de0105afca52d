"""From a visitor's choices in the Lab tab to a descent that can be watched."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from fastnst.canvas import Canvas
from fastnst.choices import output_size
from fastnst.descent import OptimizeProgress, OptimizeSettings, noise_picture, shared_loss_network
from fastnst.errors import PictureError
from fastnst.grams import Grams, style_grams
from fastnst.inversion import VARIATION_WEIGHT, FeatureObjective, invert
from fastnst.inverter import Inverter
from fastnst.loss_layers import check_layers
from fastnst.optimize import StyleObjective, content_target, optimize
from fastnst.paintings import check_painting, painting_grams
from fastnst.reconstruction import reconstruct_grams
from fastnst.settings import StyleSettings
from fastnst.tensors import to_tensor
from fastnst.ui.experiments import MOST_STEPS, OWN_PAINTING, STYLE_LAYERS, Wish
from fastnst.ui.files import open_kept
from fastnst.ui.lab_plot import OnePass
from fastnst.ui.studio import Studio


@dataclass(frozen=True)
class Material:
    """What a visitor brought.

    Attributes:
        photo: the file.
        painting: the file of a painting of their own.
        studio: has the network for comparison.
    """

    photo: Path | None
    painting: Path | None
    studio: Studio


@dataclass(frozen=True)
class Trial:
    """An experiment that is about to begin.

    Attributes:
        before: what the result is shown beside.
        steps: the descent.
        finish: makes the result of a picture of it.
        one_pass: what a network does instead, if one does.
    """

    before: Image.Image
    steps: Iterator[OptimizeProgress]
    finish: Callable[[Image.Image], Image.Image] = lambda picture: picture
    one_pass: OnePass | None = None


def descent_settings(wish: Wish) -> OptimizeSettings:
    """As many steps as were chosen, within what is allowed."""
    return OptimizeSettings(max(1, min(int(wish.steps), MOST_STEPS)), "safe")


def canvas_of(material: Material, side: int) -> Canvas:
    """The visitor's photo at a size.

    Raises:
        PictureError: there is none, or it cannot be worked on.
    """
    if material.photo is None:
        raise PictureError("Add a photo, or choose a sample.")
    return Canvas.of(open_kept(material.photo), int(side))


def own_painting(material: Material) -> Image.Image:
    """The painting that a visitor added.

    Raises:
        PictureError, TrainingError: there is none, or there is no style in it.
    """
    if material.painting is None:
        raise PictureError("Add a painting, or choose a style that ships.")
    painting = Canvas.of(open_kept(material.painting), None).picture
    check_painting("given", painting)
    return painting


def grams_of(wish: Wish, material: Material, layers: list[str]) -> Grams:
    """The Gram matrices of the chosen painting."""
    if wish.style != OWN_PAINTING:
        grams = style_grams(material.studio.stylizer.checkpoint, wish.style)
        return {layer: grams[layer] for layer in layers if layer in grams}
    side = StyleSettings().style_size
    return painting_grams(own_painting(material), shared_loss_network(), layers, side)


def begin_optimization(wish: Wish, material: Material) -> Trial:
    """Gatys' method, beside one pass of the network where that has learnt the style."""
    canvas, network = canvas_of(material, wish.side), shared_loss_network()
    picture, settings = canvas.picture, StyleSettings()
    grams = grams_of(wish, material, STYLE_LAYERS)
    content = content_target(picture, network, settings)
    objective = StyleObjective(network, content, grams, settings, picture.size)
    painted = one_pass = None
    stylizer = material.studio.stylizer
    if wish.style in stylizer.styles:
        stylizer(picture, wish.style)  # the first of a size takes longer
        started = time.perf_counter()
        painted = stylizer(picture, wish.style)
        seconds = time.perf_counter() - started
        value = objective.of_picture(painted)["objective"]
        one_pass = OnePass("The network, in one pass", seconds, value)
    starts = {"photo": picture, "noise": noise_picture(picture.size), "painting": painted}
    start = starts.get(wish.start)
    if start is None:
        raise PictureError("No network has learnt this painting; start from the photo.")
    steps = optimize(objective, start, descent_settings(wish))
    return Trial(canvas.finish(painted or picture), steps, canvas.finish, one_pass)


def begin_inversion(wish: Wish, material: Material) -> Trial:
    """Mahendran & Vedaldi's method."""
    canvas = canvas_of(material, wish.side)
    steps = invert(canvas.picture, wish.layer, shared_loss_network(), descent_settings(wish))
    return Trial(canvas.finish(canvas.picture), steps, canvas.finish)


def begin_fast_inversion(wish: Wish, material: Material) -> Trial:
    """Dosovitskiy & Brox's way to do the same, in one pass."""
    canvas, network = canvas_of(material, wish.side), shared_loss_network()
    inverter = Inverter(network)
    started = time.perf_counter()
    made = inverter(canvas.picture)
    seconds = time.perf_counter() - started
    objective = FeatureObjective(canvas.picture, inverter.layer, network, VARIATION_WEIGHT)
    pixels = to_tensor(made).to(objective.device)
    losses = {name: float(value) for name, value in objective(pixels).items()}
    one_pass = OnePass(f"The inverter of {inverter.layer}", seconds, losses["objective"])
    only = OptimizeProgress(0, 1.0, losses, seconds, pixels)
    steps = (step for step in [only])  # a generator, as all others are
    return Trial(canvas.finish(canvas.picture), steps, canvas.finish, one_pass)


def begin_reconstruction(wish: Wish, material: Material) -> Trial:
    """A style alone, from chosen layers."""
    check_layers(wish.layers)
    grams = grams_of(wish, material, wish.layers)
    size = (int(wish.side), int(wish.side))
    before = noise_picture(size)
    if wish.style == OWN_PAINTING:
        painting = own_painting(material)
        size = output_size(painting.size, int(wish.side))
        before = painting.resize(size, Image.Resampling.LANCZOS)
    return Trial(
        before, reconstruct_grams(grams, shared_loss_network(), descent_settings(wish), size)
    )


TRIALS: Mapping[str, Callable[[Wish, Material], Trial]] = {
    "optimise": begin_optimization,
    "invert": begin_inversion,
    "reconstruct": begin_reconstruction,
    "fast": begin_fast_inversion,
}
