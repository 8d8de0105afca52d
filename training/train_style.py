"""Train a style network on one or more paintings.

    python training/train_style.py --photos PHOTOS --paintings starry_night.jpg udnie.jpg --out RUN
    python training/train_style.py --photos PHOTOS --paintings PAINTINGS --out RUN --resume

A painting is a file, or a folder of files with an optional `styles.json` that says their titles,
artists, years and licences. The run's folder gets `weights.safetensors`, which is all that
stylizing needs, and previews, settings, losses and the state to resume from.
"""

import argparse
import json
import re
from pathlib import Path

import session
from PIL import Image

from fastnst.checkpoint import Style
from fastnst.checkpoint_file import load_checkpoint
from fastnst.errors import TrainingError
from fastnst.networks.vgg import load_loss_network
from fastnst.photos import count_small, list_photos, read_rgb
from fastnst.settings import StyleSettings, from_arguments
from fastnst.style_training import StyleTask
from fastnst.tensors import fit_short_side

PREVIEW_PHOTOS = 3
PREVIEW_SIDE = 192


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train a style network.")
    parser.add_argument(
        "--paintings", type=Path, nargs="+", required=True, help="paintings, or folders of them"
    )
    parser.add_argument("--only", nargs="+", default=[], help="names of the paintings to take")
    session.add_arguments(parser, StyleSettings)
    return parser.parse_args(arguments)


def read_paintings(sources: list[Path], only: list[str]) -> list[tuple[Style, Image.Image]]:
    """Every painting asked for, with what is known of it."""
    files: list[Path] = []
    known: dict[str, dict] = {}
    for source in sources:
        if source.is_dir():
            files += list_photos(source)
            table = source / "styles.json"
            if table.is_file():
                known |= {row["name"]: row for row in json.loads(table.read_text())}
        else:
            files.append(source)
    paintings = []
    for file in files:
        name = re.sub(r"\W+", "_", file.stem).lower()
        if only and name not in only:
            continue
        row = known.get(name, {})
        style = Style(
            name=name,
            title=row.get("title", file.stem),
            artist=row.get("artist", ""),
            year=str(row.get("year", "")),
            licence=row.get("licence", row.get("status", "")),
        )
        paintings.append((style, read_rgb(file)))
    missing = set(only) - {style.name for style, _ in paintings}
    if missing:
        raise TrainingError(f"There is no painting {', '.join(sorted(missing))}.")
    return paintings


def train(arguments: argparse.Namespace) -> None:
    settings = from_arguments(arguments, StyleSettings)
    photos, held_out = session.find_photos(arguments, settings)
    paintings = read_paintings(arguments.paintings, arguments.only)
    print(f"{len(paintings)} paintings.")
    small = count_small(photos, settings.crop)
    if small:
        print(f"{small} photos are smaller than the crop of {settings.crop} px: enlarged.")
    previews = [
        fit_short_side(read_rgb(photo), PREVIEW_SIDE).crop((0, 0, PREVIEW_SIDE, PREVIEW_SIDE))
        for photo in held_out[:PREVIEW_PHOTOS]
    ]
    task = StyleTask(
        settings,
        photos,
        paintings,
        load_loss_network(arguments.loss_network),
        previews=previews,
        held_out=held_out,
        start=load_checkpoint(arguments.start) if arguments.start else None,
    )
    session.run(task, settings, arguments.out, arguments.resume)
    for path in sorted(task.crops.unreadable):
        print(f"{path} is damaged and was passed over.")


if __name__ == "__main__":
    session.main(lambda: train(parse()))
