"""What the Train tab asks for: the painting, its name, and how to learn it."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from fastnst.checkpoint_file import MAX_TEXT, is_line
from fastnst.choices import check_number
from fastnst.depths import DEPTHS, Depth, find_depth
from fastnst.errors import PictureError, SettingError
from fastnst.images import take_apart
from fastnst.settings import StyleSettings
from fastnst.ui.files import open_kept
from fastnst.ui.training_job import Order
from fastnst.ui.upload import draw_photo

SMALLEST_PAINTING = 64
# More of a painting than this adds nothing: it is seen at a quarter of that at most.
LARGEST_SIDE = 3072
FLAT = 6  # levels of 255: a blank page scanned, or saved as JPEG, is not quite of one colour
LONGEST_NAME = 60
STROKES = (0.5, 2.0)
STYLE_WEIGHTS = (1.0, 20.0)
LICENCES = ("public domain", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0")
NAMELESS = "Say its name: a title, or a short name of letters, digits and underscores."
OWNER_ONLY = (
    "That takes hours, and photos of yours: only at the machine itself, or by the command "
    "fastnst train painting.jpg --name NAME --depth {depth} --photos FOLDER."
)


@dataclass(frozen=True)
class Form:
    """The components. The first ones are in the order of the arguments of `read_order`."""

    title: gr.Textbox
    artist: gr.Textbox
    name: gr.Textbox
    licence: gr.Dropdown
    depth: gr.Radio
    minutes: gr.Number
    photos: gr.Textbox
    strokes: gr.Slider
    style_weight: gr.Slider
    painting: gr.Image
    photo: gr.Image
    samples: gr.HTML
    plan: gr.HTML
    start: gr.Button

    @property
    def inputs(self) -> list[Any]:
        return list(vars(self).values())[:9]


def read_order(
    title: str,
    artist: str,
    name: str,
    licence: str,
    depth: str,
    minutes: float,
    photos: str,
    strokes: float,
    style_weight: float,
    *,
    taken: Collection[str],
    owner: bool,
) -> Order:
    """What a visitor filled in, checked.

    Args:
        title, artist, licence: of the painting.
        name: of the style; made from the title if it is empty.
        depth: a key of `fastnst.depths.DEPTHS`.
        minutes: that it may take.
        photos: to learn from, if those that come along are not enough: a folder of this machine
            or a dataset on the Hub.
        strokes: their size, 1 being the usual.
        style_weight: see `Order`.
        taken: names that other styles have.
        owner: whether the visitor sits at the machine.

    Raises:
        SettingError: something is missing, out of range or not allowed.
    """
    texts = {"title": title, "artist": artist, "licence": licence, "photos": photos}
    cleaned = {key: str(text or "").strip() for key, text in texts.items()}
    for key, text in cleaned.items():
        if not is_line(text):
            raise SettingError(f"The {key} is too long, or not one line: at most {MAX_TEXT} signs.")
    name = str(name or "").strip() or style_name(cleaned["title"])
    if not name:
        raise SettingError(NAMELESS)
    if not re.fullmatch(rf"\w{{1,{LONGEST_NAME}}}", name):
        raise SettingError(
            f"The name is {name[:LONGEST_NAME]!r}; allowed are letters, digits and underscores, "
            f"up to {LONGEST_NAME}."
        )
    if name in taken:
        raise SettingError(f"There is a style {name} already; choose another short name.")
    way = find_depth(depth)
    if not owner and (way.own_photos or cleaned["photos"]):
        raise SettingError(OWNER_ONLY.format(depth=depth))
    if cleaned["photos"] and Path(cleaned["photos"]).is_dir():
        cleaned["photos"] = str(Path(cleaned["photos"]).resolve())
    return Order(
        name=name,
        **cleaned,
        depth=depth,
        style_weight=check_number("likeness", style_weight, STYLE_WEIGHTS),
        strokes=round(StyleSettings.style_size * check_number("size of strokes", strokes, STROKES)),
        minutes=check_number("time in minutes", minutes, way.page_minutes),
    )


def style_name(title: str) -> str:
    """A short name made from a title: `la_muse` from *La Muse*."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return "_".join(re.findall(r"[a-z0-9]+", plain))[:LONGEST_NAME].strip("_")


def read_painting(path: Path) -> Image.Image:
    """A painting as upright RGB, on white where it is transparent.

    Raises:
        PictureError: see `open_kept`; it is smaller than 64 pixels, or of one colour.
    """
    taken = take_apart(open_kept(path, SMALLEST_PAINTING), SMALLEST_PAINTING)
    picture = Image.fromarray(taken.pixels)
    if taken.alpha is not None:
        white = Image.new("RGB", picture.size, "white")
        picture = Image.composite(picture, white, Image.fromarray(taken.alpha))
    check_painted(picture, "The painting")
    return picture


def cut_out(painting: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """The part of a painting in a box of pixels: left, top, right, bottom.

    Raises:
        PictureError: it is smaller than 64 pixels, or of one colour.
    """
    part = painting.crop(box)
    if min(part.size) < SMALLEST_PAINTING:
        raise PictureError(
            f"The part in the frame is {part.width}×{part.height} pixels; "
            f"it needs {SMALLEST_PAINTING} on its short side at least."
        )
    check_painted(part, "The part in the frame")
    part.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.LANCZOS)
    return part


def check_painted(picture: Image.Image, what: str) -> None:
    """Refuse what has no style.

    Raises:
        PictureError: it is of one colour, or nearly.
    """
    small = picture.resize((SMALLEST_PAINTING, SMALLEST_PAINTING), Image.Resampling.BOX)
    if np.ptp(np.asarray(small), axis=(0, 1)).max() < FLAT:
        raise PictureError(f"{what} is of one colour; there is no style to learn from it.")


def draw_form(tab: str) -> Form:
    """Draw it into the current block."""
    usual, first = next(iter(DEPTHS.items()))
    _heading("1", "Drop a painting")
    with gr.Row(elem_classes="photo-row"):
        painting = gr.Image(
            label="Painting",
            type="filepath",
            image_mode=None,
            format="png",
            sources=["upload", "clipboard"],
            buttons=[],
            height=136,
            placeholder="Drop a painting\nor click to choose",
            alt_text="Your painting",
            elem_id="train-painting",
            elem_classes="photo",
        )
        photo, samples = draw_photo(tab)
    _heading("2", "Say its name")
    with gr.Column(elem_classes="fields"):
        title = gr.Textbox(
            label="Title", placeholder="Water Lilies", max_length=MAX_TEXT, elem_id="train-title"
        )
        artist = gr.Textbox(
            label="Artist",
            placeholder="Who painted it",
            max_length=MAX_TEXT,
            elem_id="train-artist",
        )
        name = gr.Textbox(
            label="Short name",
            placeholder="from the title",
            max_length=LONGEST_NAME,
            elem_id="train-name",
        )
        licence = gr.Dropdown(
            list(LICENCES),
            value=LICENCES[0],
            label="Licence of the painting",
            allow_custom_value=True,
            elem_id="train-licence",
        )
    _heading("3", "Start")
    with gr.Column(elem_classes="fields"):
        depth = gr.Radio(
            [(each.title, key) for key, each in DEPTHS.items()],
            value=usual,
            label="How thoroughly",
            elem_id="train-depth",
        )
        minutes = gr.Number(
            first.minutes, label=minutes_label(first), precision=1, elem_id="train-minutes"
        )
        photos = gr.Textbox(
            label="Photos to learn from",
            placeholder="a folder here, or USER/DATASET",
            visible=False,
            max_length=MAX_TEXT,
            elem_id="train-photos",
        )
        strokes = gr.Slider(*STROKES, 1, step=0.1, label="Size of its strokes", elem_id="strokes")
        style_weight = gr.Slider(
            *STYLE_WEIGHTS,
            StyleSettings.style_weight,
            step=0.5,
            label="Photo ↔ painting",
            elem_id="train-weight",
        )
    plan = gr.HTML("", elem_id="train-plan", elem_classes="plan")
    start = gr.Button("Start", variant="primary", elem_classes="act", elem_id="train-start")
    return Form(
        title, artist, name, licence, depth, minutes, photos, strokes, style_weight, painting,
        photo, samples, plan, start,
    )  # fmt: skip


def minutes_label(depth: Depth) -> str:
    low, high = depth.page_minutes
    return f"Minutes, {low:g} to {high:g}"


def _heading(number: str, text: str) -> None:
    gr.HTML(f"<h2><span>{number}</span> {text}</h2>", elem_classes="step")
