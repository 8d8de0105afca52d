"""Train a feed-forward inverter on any folder of photos: pictures back from features of VGG-16.

    python training/train_inverter.py --photos PHOTOS --out RUN --layer relu4_3
    python training/train_inverter.py --photos PHOTOS --out RUN --resume

The run's folder gets `weights.safetensors`, which is all that `fastnst invert --fast` needs, and
previews (the photo, what comes back), settings, losses and the state to resume from.
"""

import argparse

import session

from fastnst.checkpoint_file import load_checkpoint
from fastnst.inverter_training import InverterTask
from fastnst.networks.vgg import load_loss_network
from fastnst.photos import read_rgb
from fastnst.settings import InverterSettings, from_arguments
from fastnst.tensors import fit_short_side

PREVIEW_PHOTOS = 4
PREVIEW_SIDE = 192


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train a feed-forward inverter.")
    session.add_arguments(parser, InverterSettings)
    return parser.parse_args(arguments)


def train(arguments: argparse.Namespace) -> None:
    settings = from_arguments(arguments, InverterSettings)
    photos, held_out = session.find_photos(arguments, settings)
    box = (0, 0, PREVIEW_SIDE, PREVIEW_SIDE)
    previews = [
        fit_short_side(read_rgb(photo), PREVIEW_SIDE).crop(box)
        for photo in held_out[:PREVIEW_PHOTOS]
    ]
    task = InverterTask(
        settings,
        photos,
        load_loss_network(arguments.loss_network),
        previews=previews,
        start=load_checkpoint(arguments.start) if arguments.start else None,
    )
    session.run(task, settings, arguments.out, arguments.resume)
    for path in sorted(task.crops.unreadable):
        print(f"{path} is damaged, and was passed over.")


if __name__ == "__main__":
    session.main(lambda: train(parse()))
