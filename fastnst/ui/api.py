"""What programs can ask of the page: the named endpoints."""

from dataclasses import asdict
from typing import Any

import gradio as gr

from fastnst.errors import FastnstError
from fastnst.ui.painting import NO_STYLE, OWN_SIZE, Choices, paint
from fastnst.ui.studio import Studio
from fastnst.ui.upload import uploaded_file
from fastnst.ui.visit import keep_file


def add_endpoints(studio: Studio) -> None:
    """Add `/stylize` and `/styles` to the current `gr.Blocks`."""

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
        try:
            file = uploaded_file(photo)
            painting = paint(studio, file, choices, None, lambda: False)
            return str(keep_file(painting.after, f"{choices.file_stem(file)}.png"))
        except FastnstError as error:
            raise gr.Error(str(error), print_exception=False) from error

    def styles() -> list[dict[str, str]]:
        """List the styles: name, title and artist of the painting, its year and licence."""
        return [asdict(style) for style in studio.checkpoint.styles]

    inputs = [
        gr.Image(label="Photo", type="filepath", image_mode=None, visible=False),
        gr.Textbox(label="Style", visible=False),
        gr.Number(1.0, label="Strength", visible=False),
        gr.Textbox(NO_STYLE, label="Second style", visible=False),
        gr.Number(0.5, label="Balance", visible=False),
        gr.Checkbox(False, label="Keep colours", visible=False),
        gr.Number(1.0, label="Brush", visible=False),
        gr.Number(OWN_SIZE, label="Size", precision=0, visible=False),
    ]
    gr.Button(visible=False).click(
        stylize,
        inputs,
        gr.Image(label="Picture", format="png", type="filepath", visible=False),
        api_name="stylize",
        preprocess=False,  # see `uploaded_file`
        concurrency_id="cpu",
        concurrency_limit=2,
    )
    gr.api(styles, api_name="styles")
