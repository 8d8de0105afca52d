"""Train a super-resolution network on any folder of photos.

    python training/train_sr.py --photos PHOTOS --out RUN
    python training/train_sr.py --photos PHOTOS --out RUN --resume
    python training/train_sr.py --photos PHOTOS --out DETAIL --start RUN/weights.safetensors \
        --degradation photo --feature-weight 0.1

The run's folder gets `weights.safetensors`, which is all that enlarging needs, and previews
(bicubic, the network's, the photo), settings, losses and the state to resume from.
"""

import argparse

import session

from fastnst.checkpoint_file import load_checkpoint
from fastnst.networks.vgg import load_loss_network
from fastnst.photos import count_small, read_rgb
from fastnst.settings import SRSettings, from_arguments
from fastnst.sr_training import SRTask

PREVIEW_PHOTOS = 3
PREVIEW_SIDE = 192


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train a super-resolution network.")
    session.add_arguments(parser, SRSettings)
    return parser.parse_args(arguments)


def train(arguments: argparse.Namespace) -> None:
    settings = from_arguments(arguments, SRSettings)
    photos, held_out = session.find_photos(arguments, settings)
    small = count_small(photos, settings.crop)
    if small:
        print(f"{small} photos are smaller than the patches of {settings.crop} px: passed over.")
    previews = []
    for photo in held_out[:PREVIEW_PHOTOS]:
        picture = read_rgb(photo)
        left, top = (max(0, side - PREVIEW_SIDE) // 2 for side in picture.size)
        previews.append(picture.crop((left, top, left + PREVIEW_SIDE, top + PREVIEW_SIDE)))
    needs_features = settings.feature_weight > 0
    task = SRTask(
        settings,
        photos,
        load_loss_network(arguments.loss_network) if needs_features else None,
        previews=previews,
        start=load_checkpoint(arguments.start) if arguments.start else None,
    )
    session.run(task, settings, arguments.out, arguments.resume)
    for path in sorted(task.patches.unreadable):
        print(f"{path} is damaged or too small, and was passed over.")


if __name__ == "__main__":
    session.main(lambda: train(parse()))
