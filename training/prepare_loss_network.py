"""Make the loss network's file: VGG-16's 13 convolutions in half precision.

    python training/prepare_loss_network.py torchvision weights/vgg16_features.safetensors

The source is "torchvision", which downloads `VGG16_Weights.IMAGENET1K_FEATURES` (528 MB), or a
safetensors file with the same key names.
"""

import argparse
import sys
from pathlib import Path

from safetensors.torch import save

from fastnst.errors import FastnstError
from fastnst.files import replacing
from fastnst.networks.vgg import load_loss_network, torchvision_state

METADATA = {
    "format": "pt",
    "architecture": "VGG-16 convolutional layers, torchvision key names features.N.{weight,bias}",
    "input": "RGB in [0,1], then (x - [0.48235, 0.45882, 0.40784]) * 255",
    "license": "CC BY 4.0",
    "weights": "Simonyan & Zisserman 2014, University of Oxford Visual Geometry Group, "
    "ImageNet ILSVRC-2014 model (Caffe release)",
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the loss network's file.")
    parser.add_argument("source", help="'torchvision', or a safetensors file")
    parser.add_argument("target", type=Path, help="file to write")
    arguments = parser.parse_args()
    try:
        state = torchvision_state(load_loss_network(arguments.source))
    except FastnstError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    halves = {key: tensor.half().contiguous() for key, tensor in state.items()}
    with replacing(arguments.target) as temporary:
        temporary.write_bytes(save(halves, METADATA))
    print(f"{arguments.target}: {arguments.target.stat().st_size / 2**20:.0f} MB")


if __name__ == "__main__":
    main()
