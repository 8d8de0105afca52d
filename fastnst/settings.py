"""Settings of a training: dataclasses saved as JSON, from which the command line is made."""

import argparse
import json
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, TypeVar

from fastnst.choices import SCALES

LEARN = ("all", "styles")

SettingsType = TypeVar("SettingsType", bound="FitSettings")


def setting(default: Any, about: str, choices: tuple[Any, ...] | None = None) -> Any:
    """A field of a settings class: its default and what the command line says of it."""
    return field(default=default, metadata={"about": about, "choices": choices})


@dataclass(frozen=True)
class FitSettings:
    """What every training needs."""

    steps: int = setting(4000, "steps of the optimizer")
    batch: int = setting(4, "pictures a step")
    crop: int = setting(256, "side of the training crops, pixels")
    rate: float = setting(2e-2, "Muon's learning rate at its highest; it falls to 0 linearly")
    momentum: float = setting(0.95, "how much of Muon's last step goes on in the next")
    adam_rate: float = setting(1e-3, "Adam's, for the first layer, the last and the biases")
    minutes: float = setting(0.0, "budget of time, instead of steps; 0 for none")
    warmup: int = setting(100, "steps in which the learning rate rises from 0")
    clip: float = setting(1.0, "largest norm of the gradient; longer ones are scaled down")
    seed: int = setting(0, "of everything random")
    precision: str = setting("auto", "auto measures which is faster", ("auto", "bf16", "fp32"))
    held_out: int = setting(20, "photos of the folder that are never trained on")
    save_minutes: float = setting(3.0, "minutes between checkpoints")
    tracker: str = setting("none", "where losses are drawn", ("none", "trackio", "tensorboard"))
    preview_steps: int = setting(250, "steps between previews; 0 for none")
    check_steps: int = setting(0, "steps between checks on held-out photos; 0 for none")
    patience: int = setting(0, "checks without progress after which training ends; 0 for never")

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2) + "\n"


@dataclass(frozen=True)
class StyleSettings(FitSettings):
    """What training a style network needs besides; see the README, *A style of your own*."""

    batch: int = setting(2, "pictures a step")
    crop: int = setting(
        384, "side of the training crops, pixels; on small ones it learns small pictures"
    )
    first_crop: int = setting(0, "side of smaller crops to begin with, pixels; 0 for none")
    first_share: float = setting(0.7, "part of the training that they are for")
    architecture: str = setting("fast", "of the network", ("fast", "paper"))
    learn: str = setting(
        "all", "styles leaves the network as it is and learns only what a style decides", LEARN
    )
    mixing: int = setting(
        0,
        "1 lets each style mix the maps of every convolution; always so with --learn styles",
        (0, 1),
    )
    rate: float = setting(1e-2, "Muon's learning rate at its highest; it falls to 0 linearly")
    style_rate: float = setting(1e-2, "learning rate of the styles' scales and shifts")
    content_weight: float = setting(1.0, "weight of the relative content loss")
    style_weight: float = setting(5.0, "weight of the relative style loss at strength 1")
    tone_weight: float = setting(2.0, "weight of keeping light parts light and dark parts dark")
    painting_weights: str = setting(
        "", "factors of the style weight for single paintings: the_scream=0.3,red_chalk=0.5"
    )
    variation_weight: float = setting(1.0, "weight of the total variation loss")
    content_layer: str = setting("relu2_2", "where content is compared")
    style_layers: str = setting("relu1_2,relu2_2,relu3_3,relu4_3", "where style is compared")
    style_size: int = setting(384, "short side of the paintings, pixels: larger, larger strokes")
    varied_strengths: float = setting(0.3, "share of samples at another strength than 1")


@dataclass(frozen=True)
class SRSettings(FitSettings):
    """What training a super-resolution network needs besides."""

    steps: int = setting(20000, "steps of the optimizer")
    batch: int = setting(16, "patches a step")
    crop: int = setting(192, "side of the training patches, pixels of the large picture")
    architecture: str = setting("fast-sr", "of the network", ("fast-sr", "paper-sr", "srcnn"))
    scale: int = setting(4, "how many times larger, each way", SCALES)
    channels: int = setting(0, "width of the network; 0 for the architecture's own")
    blocks: int = setting(0, "depth of the network; 0 for the architecture's own")
    degradation: str = setting(
        "bicubic", "what made the pictures small", ("bicubic", "paper", "photo")
    )
    pixel_loss: str = setting("l1", "how pixels are compared", ("l1", "mse"))
    pixel_weight: float = setting(1.0, "weight of the pixel loss")
    feature_weight: float = setting(0.0, "weight of the relative feature reconstruction loss")
    feature_layers: str = setting("relu2_2", "where features are compared")
    edge_weight: float = setting(0.0, "weight of the edge loss: gradients as strong as they were")
    grid_weight: float = setting(0.0, "weight of the grid loss: no pattern from the pixel shuffle")


@dataclass(frozen=True)
class InverterSettings(FitSettings):
    """What training a feed-forward inverter needs besides."""

    steps: int = setting(1500, "steps of the optimizer")
    crop: int = setting(128, "side of the training crops, pixels, a multiple of 16")
    layer: str = setting("relu4_3", "of VGG-16, which it learns to invert")
    channels: int = setting(112, "width of the network where it is widest")
    blocks: int = setting(2, "residual blocks there")
    pixel_weight: float = setting(2.0, "weight of the mean absolute difference of pixels")
    feature_weight: float = setting(1.0, "weight of the relative feature loss at the layer")


def add_arguments(parser: argparse.ArgumentParser, settings: type[FitSettings]) -> None:
    """One option for each field of a settings class."""
    for each in fields(settings):
        assert each.default is not MISSING
        parser.add_argument(
            f"--{each.name.replace('_', '-')}",
            type=type(each.default),
            default=each.default,
            choices=each.metadata["choices"],
            help=f"{each.metadata['about']} (default {each.default})",
        )


def from_arguments(arguments: argparse.Namespace, settings: type[SettingsType]) -> SettingsType:
    """The settings that a parsed command line asks for."""
    return settings(**{each.name: getattr(arguments, each.name) for each in fields(settings)})
