"""How good styles are that were learnt after the network: quick ones beside full ones.

The files to measure are `NAME-DEPTH.safetensors` in one folder, one for each painting and depth,
as `training/runs/new_styles.sh` makes them.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from baseline import Curves
from PIL import Image
from rich.progress import Progress
from style_evaluation import held_out_photos, optimise, painted_styles, repaint, yardstick
from style_report import Painted, make_sheet

from fastnst.catalog import LOSS_NETWORK
from fastnst.checkpoint_file import SUFFIX
from fastnst.errors import TrainingError
from fastnst.images import save_picture
from fastnst.networks.vgg import load_loss_network
from fastnst.stylizer import Stylizer

ITERATIONS = 15  # of L-BFGS that a full training has to be worth


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--photos", type=Path, required=True, help="the folder trained on")
    parser.add_argument("--paintings", type=Path, required=True, help="folder of the paintings")
    parser.add_argument("--styles", type=Path, required=True, help="folder of the files")
    parser.add_argument("--depths", nargs="+", required=True, help="such as quick full_30")
    parser.add_argument("--held-out", type=int, default=20, help="photos held out (default 20)")
    parser.add_argument("--size", type=int, default=512, help="long side, pixels (default 512)")
    parser.add_argument(
        "--baseline-photos", type=int, default=2, help="that L-BFGS optimises (default 2)"
    )
    parser.add_argument("--baseline", type=Path, required=True, help="file of L-BFGS's curves")


def evaluate(arguments: argparse.Namespace) -> tuple[dict[str, Any], str]:
    """Measure new styles; see `training/evaluate.py`.

    Raises:
        FastnstError: something is missing, unreadable or out of range.
    """
    photos = held_out_photos(arguments)
    chosen = dict(list(photos.items())[: arguments.baseline_photos])
    curves = Curves(arguments.baseline)
    loss_network = load_loss_network(LOSS_NETWORK)
    found: dict[str, dict[str, Painted]] = {}
    made: dict[str, list[list[Image.Image]]] = {}
    with Progress() as bar:
        for depth in arguments.depths:
            for path in sorted(arguments.styles.glob(f"*-{depth}{SUFFIX}")):
                stylizer = Stylizer(path)
                settings = yardstick(stylizer.checkpoint, arguments.held_out)
                styles = painted_styles(stylizer, arguments.paintings, loss_network, settings)
                rows = repaint(stylizer, styles, photos, loss_network, settings, bar)
                optimise(curves, styles, chosen, loss_network, settings, bar)
                for (name, style), row in zip(styles.items(), rows, strict=True):
                    found.setdefault(name, {})[depth] = style
                    made.setdefault(name, []).append(row[:1])
    if not found:
        raise TrainingError(f"There are no files NAME-DEPTH{SUFFIX} in {arguments.styles}.")
    save_picture(_sheet(found, made, photos), arguments.out / "new_styles.jpg")
    return _to_json(found, photos), _to_table(found, arguments.depths, len(photos), arguments.size)


def _sheet(
    found: Mapping[str, Mapping[str, Painted]],
    made: Mapping[str, list[list[Image.Image]]],
    photos: Mapping[str, Image.Image],
) -> Image.Image:
    """A row a painting: the painting, then one photo in it at each depth."""
    photo = next(iter(photos.values()))
    rows = [[picture for row in made[name] for picture in row] for name in found]
    firsts = {name: next(iter(depths.values())) for name, depths in found.items()}
    return make_sheet(firsts, [photo] * max(map(len, rows)), rows)


def _objective(style: Painted) -> float:
    return fmean(losses["objective"] for losses in style.losses)


def _to_json(
    found: Mapping[str, Mapping[str, Painted]], photos: Mapping[str, Image.Image]
) -> dict[str, Any]:
    return {
        "photos": list(photos),
        "styles": {
            name: {depth: style.losses for depth, style in depths.items()}
            for name, depths in found.items()
        },
    }


def _to_table(
    found: Mapping[str, Mapping[str, Painted]], depths: list[str], photos: int, size: int
) -> str:
    heads = ["painting"]
    for depth in depths:
        heads += [depth.replace("_", " ") + (" min" if "_" in depth else ""), "worth"]
    heads.append(f"L-BFGS {ITERATIONS}")
    lines = [f"| {' | '.join(heads)} |", f"|---{'|--:' * (len(heads) - 1)}|"]
    for styles in found.values():
        first = next(iter(styles.values()))
        cells = [first.title]
        for depth in depths:
            style = styles.get(depth)
            if style is None:
                cells += ["–", "–"]
                continue
            worths = [worth.iterations for worth in style.worths]
            cells += [f"{_objective(style):.2f}", f"{fmean(worths):.1f}" if worths else "–"]
        curve = [curve[ITERATIONS] for curve in first.curves]
        cells.append(f"{fmean(curve):.2f}" if curve else "–")
        lines.append(f"| {' | '.join(cells)} |")
    note = (
        f"Objective: content + 5 × style, relative, lower is better, means over {photos} photos at "
        f"{size} px that were never trained on. None of the paintings was seen by the network that "
        "the styles were learnt with. Worth: the iterations of L-BFGS from the photo that reach as "
        f"much, and L-BFGS {ITERATIONS}: what {ITERATIONS} of them reach, on the first "
        f"{len(next(iter(next(iter(found.values())).values())).curves)} photos."
    )
    return "\n".join([*lines, "", note, ""])
