"""How good a style network is on photos it never saw, beside the baseline (paper, section 4.1)."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from baseline import BASELINE, Curves, curve_key
from PIL import Image
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from style_report import SHEET_PHOTOS, Painted, make_sheet, to_json, to_table
from train_style import read_paintings

from fastnst.catalog import DEFAULT_STYLES, LOSS_NETWORK
from fastnst.checkpoint import Checkpoint
from fastnst.errors import TrainingError
from fastnst.images import save_picture
from fastnst.networks.vgg import LAYERS, LossNetwork, load_loss_network
from fastnst.optimize import StyleObjective, content_target, optimize
from fastnst.paintings import check_painting, painting_grams
from fastnst.photos import list_photos, read_rgb, split_photos
from fastnst.settings import StyleSettings
from fastnst.stylizer import Stylizer, output_size

# The yardstick is the same for every network, whatever weights it was trained with.
CONTENT_WEIGHT, STYLE_WEIGHT = 1.0, 5.0
# The rest of it is as in the network's training.
FROM_TRAINING = ("content_layer", "style_layers", "style_size")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--photos", type=Path, required=True, help="the folder trained on")
    parser.add_argument("--paintings", type=Path, required=True, help="folder of the paintings")
    parser.add_argument("--weights", default=DEFAULT_STYLES, help="a shipped name, or a file")
    parser.add_argument("--only", nargs="+", default=[], help="styles to measure (default: all)")
    parser.add_argument("--held-out", type=int, default=20, help="photos held out (default 20)")
    parser.add_argument("--size", type=int, default=512, help="long side, pixels (default 512)")
    parser.add_argument(
        "--baseline-photos",
        type=int,
        default=2,
        help="how many of them the baseline optimises, in every style; 0 for none (default 2)",
    )
    parser.add_argument(
        "--baseline",
        type=Path,
        help="file of the baseline's curves, kept for later evaluations "
        "(default: baseline.json in --out)",
    )


def evaluate(arguments: argparse.Namespace) -> tuple[dict[str, Any], str]:
    """Measure a network; see `training/evaluate.py`.

    Returns:
        Every number, as JSON holds it, and the table as Markdown.

    Raises:
        FastnstError: something is missing, unreadable or out of range.
    """
    _check_arguments(arguments)
    stylizer = Stylizer(arguments.weights)
    settings = yardstick(stylizer.checkpoint, arguments.held_out)
    curves = Curves(arguments.baseline or arguments.out / "baseline.json")
    photos = held_out_photos(arguments)
    chosen = dict(list(photos.items())[: arguments.baseline_photos])
    loss_network = load_loss_network(LOSS_NETWORK)
    paintings = arguments.paintings
    styles = painted_styles(stylizer, paintings, loss_network, settings, arguments.only)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:.0f} %"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    with Progress(*columns, speed_estimate_period=300) as bar:
        rows = repaint(stylizer, styles, photos, loss_network, settings, bar)
        sheet = make_sheet(styles, list(photos.values())[:SHEET_PHOTOS], rows)
        save_picture(sheet, arguments.out / "style_sheet.jpg")
        optimise(curves, styles, chosen, loss_network, settings, bar)
    about = {
        "weights": Path(arguments.weights).name,
        "hash": stylizer.checkpoint.hash,
        "device": stylizer.device,
        "size": arguments.size,
        "photos": list(photos),
        "baseline_photos": list(chosen),
        "yardstick": numbers_of(settings),
    }
    return to_json(about, styles), to_table(about, styles)


def yardstick(checkpoint: Checkpoint, held_out: int) -> StyleSettings:
    """The objective to measure a network by.

    Raises:
        TrainingError: it was trained with another number of photos held out, so that photos it
            has seen would be among these; or its summary of training makes no objective.
    """
    training = checkpoint.training
    if training.get("held_out", held_out) != held_out:
        raise TrainingError(
            f"The network was trained with {training['held_out']} photos held out, not {held_out}: "
            f"it has seen some of these. Give --held-out {training['held_out']}."
        )
    base = StyleSettings(content_weight=CONTENT_WEIGHT, style_weight=STYLE_WEIGHT)
    settings = replace(base, **{key: training[key] for key in FROM_TRAINING if key in training})
    layers = [str(settings.content_layer), *str(settings.style_layers).split(",")]
    if not set(layers) <= set(LAYERS):
        raise TrainingError(
            f"The network's summary of training names the layers {', '.join(layers)}; "
            f"there are {', '.join(LAYERS)}."
        )
    if not isinstance(settings.style_size, int) or settings.style_size < 16:
        raise TrainingError(
            f"The network's summary of training says paintings of {settings.style_size!r} pixels; "
            "allowed is a whole number from 16 up."
        )
    return settings


def _check_arguments(arguments: argparse.Namespace) -> None:
    if arguments.held_out < 1:
        raise TrainingError(f"--held-out is {arguments.held_out}; allowed is 1 or more.")
    if not 0 <= arguments.baseline_photos <= arguments.held_out:
        raise TrainingError(
            f"--baseline-photos is {arguments.baseline_photos}; "
            f"allowed is 0 to the {arguments.held_out} held out."
        )


def held_out_photos(arguments: argparse.Namespace) -> dict[str, Image.Image]:
    """The photos that training never saw, by name, at the size they are measured at."""
    _, paths = split_photos(list_photos(arguments.photos), arguments.held_out)
    photos = {}
    for path in paths:
        picture = read_rgb(path)
        size = output_size(picture.size, arguments.size)
        name = path.relative_to(arguments.photos).as_posix()
        photos[name] = picture.resize(size, Image.Resampling.LANCZOS)
    return photos


def painted_styles(
    stylizer: Stylizer,
    folder: Path,
    loss_network: LossNetwork,
    settings: StyleSettings,
    only: Sequence[str] = (),
) -> dict[str, Painted]:
    """The styles of a network, or only some of them, with their paintings."""
    if not folder.is_dir():
        raise TrainingError(f"There is no folder {folder} to read paintings from.")
    names = list(only) or stylizer.styles
    described = [stylizer.describe(name) for name in names]
    pictures = {style.name: picture for style, picture in read_paintings([folder], names)}
    layers = settings.style_layers.split(",")
    styles = {}
    for style in described:
        picture = pictures[style.name]
        check_painting(style.name, picture)
        grams = painting_grams(picture, loss_network, layers, settings.style_size)
        styles[style.name] = Painted(style.title or style.name, picture, grams)
    return styles


def repaint(
    stylizer: Stylizer,
    styles: Mapping[str, Painted],
    photos: Mapping[str, Image.Image],
    loss_network: LossNetwork,
    settings: StyleSettings,
    bar: Progress,
) -> list[list[Image.Image]]:
    """Measure the network on every photo in every style.

    Returns:
        A row a style of its pictures, those of the first photos.
    """
    task = bar.add_task("one pass of the network", total=len(styles) * len(photos))
    rows: list[list[Image.Image]] = [[] for _ in styles]
    for index, photo in enumerate(photos.values()):
        content = content_target(photo, loss_network, settings)
        for (name, style), row in zip(styles.items(), rows, strict=True):
            objective = StyleObjective(loss_network, content, style.grams, settings, photo.size)
            picture = stylizer(photo, style=name)
            style.losses.append(objective.of_picture(picture))
            if index < SHEET_PHOTOS:
                row.append(picture)
            bar.advance(task)
    return rows


def optimise(
    curves: Curves,
    styles: Mapping[str, Painted],
    photos: Mapping[str, Image.Image],
    loss_network: LossNetwork,
    settings: StyleSettings,
    bar: Progress,
) -> None:
    """Give every style the baseline's curves: those computed before, and the missing ones."""
    keys = {
        (photo, style): curve_key(photos[photo], styles[style].picture, numbers_of(settings))
        for photo in photos
        for style in styles
    }
    missing = [pair for pair, key in keys.items() if key not in curves]
    total = len(missing) * (BASELINE.iterations + 1)
    task = bar.add_task("L-BFGS", total=total, visible=bool(missing))
    for photo, picture in photos.items():
        content = content_target(picture, loss_network, settings)
        for name, style in styles.items():
            key = keys[photo, name]
            if key not in curves:
                objective = StyleObjective(
                    loss_network, content, style.grams, settings, picture.size
                )
                curve = []
                for progress in optimize(objective, picture, BASELINE):
                    curve.append(progress.objective)
                    bar.advance(task)
                curves.add(key, curve, progress.seconds, style=name, photo=photo)
            style.curves.append(curves[key])


def numbers_of(settings: StyleSettings) -> dict[str, Any]:
    """The part of the settings that makes the objective."""
    names = ("content_weight", "style_weight", *FROM_TRAINING)
    return {name: getattr(settings, name) for name in names}
