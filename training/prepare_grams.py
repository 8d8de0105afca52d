"""Write the Gram matrices of the paintings of a network's styles, which refining needs.

    python training/prepare_grams.py PAINTINGS weights/paintings_grams.safetensors

PAINTINGS is a folder with a picture NAME.jpg (or .png, …) for each style NAME of the network. They
are measured at the size, and at the layers, that the network was trained with.
"""

import argparse
import sys
from pathlib import Path

from rich.progress import track

from fastnst.catalog import DEFAULT_STYLES, LOSS_NETWORK, load
from fastnst.checkpoint import Checkpoint
from fastnst.errors import FastnstError, TrainingError
from fastnst.grams import Grams, save_grams
from fastnst.networks.vgg import LossNetwork, load_loss_network
from fastnst.paintings import check_painting, painting_grams
from fastnst.photos import list_photos, read_rgb
from fastnst.settings import StyleSettings


def measure(folder: Path, checkpoint: Checkpoint, loss_network: LossNetwork) -> dict[str, Grams]:
    """The Gram matrices of each style's painting.

    Raises:
        TrainingError: a painting is missing, or no good.
    """
    settings = StyleSettings()
    layers = str(checkpoint.training.get("style_layers", settings.style_layers)).split(",")
    side = int(checkpoint.training.get("style_size", settings.style_size))
    files = {path.stem: path for path in list_photos(folder)}
    missing = [style.name for style in checkpoint.styles if style.name not in files]
    if missing:
        raise TrainingError(f"There is no painting of {', '.join(missing)} in {folder}.")
    measured: dict[str, Grams] = {}
    for style in track(checkpoint.styles, "Measuring"):
        painting = read_rgb(files[style.name])
        check_painting(style.name, painting)
        measured[style.name] = painting_grams(painting, loss_network, layers, side)
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the Gram matrices of paintings.")
    parser.add_argument("paintings", type=Path, help="folder of paintings")
    parser.add_argument("target", type=Path, help="file to write")
    parser.add_argument("--weights", default=DEFAULT_STYLES, help="the network with the styles")
    parser.add_argument("--loss-network", default=LOSS_NETWORK, help="VGG-16 as safetensors")
    arguments = parser.parse_args()
    try:
        loss_network = load_loss_network(arguments.loss_network)
        measured = measure(arguments.paintings, load(arguments.weights), loss_network)
        save_grams(measured, arguments.target)
    except FastnstError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    size = arguments.target.stat().st_size
    print(f"{len(measured)} paintings, {size / 2**20:.1f} MB, in {arguments.target}.")


if __name__ == "__main__":
    main()
