"""What programs can ask of the page: the named endpoints, which are tools for agents too.

Adding a network is not among them: it changes the page for everybody; see `fastnst.ui.rights`.
"""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gradio as gr

from fastnst.errors import FastnstError
from fastnst.hub.search import search as search_hub
from fastnst.images import encode_picture
from fastnst.ui.enlarging import Wish
from fastnst.ui.files import QUICK_PNG, keep_file, open_kept
from fastnst.ui.painting import NO_STYLE, OWN_SIZE, Choices, paint
from fastnst.ui.rights import NOBODYS
from fastnst.ui.studio import Studio
from fastnst.ui.tab import LONG_RUN, SHORT_RUN
from fastnst.ui.upload import uploaded_file
from fastnst.upscaler import SMALLEST_SIDE


def add_endpoints(studio: Studio) -> None:
    """Add `/stylize`, `/styles`, `/upscale` and `/search` to the current `gr.Blocks`."""

    def stylize(
        photo: Any,
        style: str,
        strength: float = 1.0,
        second_style: str = NO_STYLE,
        balance: float = 0.5,
        keep_colors: bool = False,
        brush: float = 1.0,
        size: int = OWN_SIZE,
    ) -> str:
        """Repaint a photo in the style of a painting.

        Args:
            photo: the picture file; JPEG, PNG, WebP, TIFF, AVIF, BMP and more.
            style: name of a style, as /styles lists them.
            strength: 0 is the photo, 1 the style, up to 1.5 beyond it.
            second_style: name of a style to mix in, or nothing.
            balance: share of the second style, 0 to 1.
            keep_colors: keep the colours of the photo.
            brush: size of the strokes, 0.5 to 2.
            size: long side of the result in pixels; 0 for the size of the photo.

        Returns:
            The picture, a PNG with the photo's EXIF and colour profile.
        """
        choices = Choices(style, strength, second_style, balance, keep_colors, brush, size)
        return answer(photo, lambda file: painted(file, choices))

    def painted(file: Path, choices: Choices) -> Path:
        painting = paint(studio, file, choices, None, lambda: False)
        return keep_file(painting.after, f"{choices.file_stem(file)}.png")

    def upscale(
        photo: Any,
        scale: int = 4,
        detail: float = 0.5,
        size: int = OWN_SIZE,
        network: str = "",
    ) -> str:
        """Enlarge a picture, sharp and believable.

        Args:
            photo: the picture file; JPEG, PNG, WebP, TIFF, AVIF, BMP and more.
            scale: 4 or 8 times as wide and high.
            detail: 0 stays faithful to the picture, 1 adds the most detail.
            size: long side of the result in pixels; 0 for the whole enlargement.
            network: USER/NAME of one that was added from the Hub, or nothing for the shipped ones.

        Returns:
            The picture, a PNG with the photo's EXIF and colour profile.
        """
        wish = Wish(scale, detail, size or None, network or "")
        return answer(photo, lambda file: enlarged(file, wish))

    def enlarged(file: Path, wish: Wish) -> Path:
        picture = open_kept(file, SMALLEST_SIDE)
        made = studio.upscaler(wish.scale, wish.network)(picture, wish.detail, wish.size)
        return keep_file(encode_picture(made, QUICK_PNG), f"{wish.file_stem(file)}.png")

    def styles() -> list[dict[str, str]]:
        """List the styles: name, title and artist of the painting, its year and licence."""
        return [asdict(style) for style in studio.styles]

    def search(
        text: str = "", sort: str = "likes", task: str = "", limit: int = 20
    ) -> list[dict[str, Any]]:
        """Search the Hugging Face Hub for styles and upscaling networks that fastnst can use.

        Args:
            text: to look for in their names; nothing finds all.
            sort: likes or downloads.
            task: style or super-resolution; nothing finds both.
            limit: the most to find, up to 100.

        Returns:
            Each network's repository, title, artist, task, licence, size, likes and downloads.
        """
        try:
            found = search_hub(text, sort=sort, task=task, limit=limit, token=NOBODYS)
        except FastnstError as error:
            raise gr.Error(str(error), print_exception=False) from error
        return [asdict(row) for row in found]

    picture = gr.Image(label="Photo", type="filepath", image_mode=None, visible=False)
    inputs = [
        gr.Textbox(label="Style", visible=False),
        gr.Number(1.0, label="Strength", visible=False),
        gr.Textbox(NO_STYLE, label="Second style", visible=False),
        gr.Number(0.5, label="Balance", visible=False),
        gr.Checkbox(False, label="Keep colours", visible=False),
        gr.Number(1.0, label="Brush", visible=False),
        gr.Number(OWN_SIZE, label="Size", precision=0, visible=False),
    ]
    add_endpoint(stylize, [picture, *inputs], SHORT_RUN)
    inputs = [
        gr.Number(4, label="Scale", precision=0, visible=False),
        gr.Number(0.5, label="Detail", visible=False),
        gr.Number(OWN_SIZE, label="Size", precision=0, visible=False),
        gr.Textbox("", label="Network", visible=False),
    ]
    add_endpoint(upscale, [picture, *inputs], LONG_RUN)
    gr.api(styles, api_name="styles")
    gr.api(search, api_name="search", concurrency_id="hub", concurrency_limit=4)


def add_endpoint(action: Callable[..., str], inputs: list[Any], run: dict[str, Any]) -> None:
    """Name an action that makes a picture of its inputs."""
    gr.Button(visible=False).click(
        action,
        inputs,
        gr.Image(label="Picture", format="png", type="filepath", visible=False),
        api_name=action.__name__,
        preprocess=False,  # see `uploaded_file`
        concurrency_id=run["concurrency_id"],
        concurrency_limit=run["concurrency_limit"],
    )


def answer(photo: Any, make: Callable[[Path], Path]) -> str:
    """The file made of a photo.

    Raises:
        gr.Error: why it cannot be made.
    """
    try:
        return str(make(uploaded_file(photo)))
    except FastnstError as error:
        raise gr.Error(str(error), print_exception=False) from error
