"""The two strips of pictures that a visitor chooses from: styles and sample photos.

A `gr.HTML` whose value is the chosen name and whose `cards` are its HTML. The cards are native
controls, so they come with keyboard and screen reader support; all texts in them are escaped.
"""

from collections.abc import Mapping, Sequence
from html import escape

import gradio as gr

from fastnst.checkpoint import Style
from fastnst.ui.samples import Sample

# Choosing a card sets the value; a value set by the server rings its card.
CHOOSE_STYLE = """
element.addEventListener('change', (event) => {
    props.value = event.target.value;
    trigger('input');
});
watch('value', () => {
    const card = element.querySelector(`input[value="${CSS.escape(props.value)}"]`);
    if (card) card.checked = true;
});
"""
CHOOSE_SAMPLE = """
element.addEventListener('click', (event) => {
    const card = event.target.closest('button');
    if (!card) return;
    props.value = card.value;
    trigger('input');
});
"""


def style_gallery(styles: Sequence[Style], chosen: str) -> gr.HTML:
    """The styles, one of them chosen; `input` when another one is. Value: its name."""
    return gr.HTML(
        chosen,
        html_template="${cards}",
        cards=style_cards(styles, chosen, {}),
        js_on_load=CHOOSE_STYLE,
        apply_default_css=False,
        elem_id="styles",
    )


def style_cards(styles: Sequence[Style], chosen: str, pictures: Mapping[str, str]) -> str:
    """One radio button for each style.

    Args:
        styles: in order.
        chosen: the name of the one that is ringed.
        pictures: style name → source of its picture; a style without one gets an empty frame.
    """
    cards = "".join(
        f'<label class="card" title="{escape(credit(style))}">'
        f'<input type="radio" name="style" value="{escape(style.name)}"'
        f"{' checked' if style.name == chosen else ''}>"
        f"{_picture(pictures.get(style.name), style)}"
        f'<span class="title">{escape(style.title or style.name)}</span>'
        f'<span class="artist">{escape(style.artist)}</span></label>'
        for style in styles
    )
    return f'<div class="cards" role="radiogroup" aria-label="Style">{cards}</div>'


def _picture(source: str | None, style: Style) -> str:
    if source is None:
        return '<span class="frame"></span>'
    about = f"A photo in the style of {style.title or style.name}"
    return f'<img class="frame" src="{escape(source)}" alt="{escape(about)}">'


def sample_strip(samples: Sequence[Sample], pictures: Sequence[str], elem_id: str) -> gr.HTML:
    """The sample photos; `input` when one is chosen. Value: its file."""
    cards = "".join(
        f'<button type="button" value="{escape(sample.file)}" title="{escape(sample.title)}">'
        f'<img src="{escape(picture)}" alt="Sample photo: {escape(sample.title)}"></button>'
        for sample, picture in zip(samples, pictures, strict=True)
    )
    return gr.HTML(
        None,
        html_template="${cards}",
        cards=f'<div class="samples" role="group" aria-label="Sample photos">{cards}</div>',
        js_on_load=CHOOSE_SAMPLE,
        apply_default_css=False,
        elem_id=elem_id,
        elem_classes="sample-strip",
    )


def credit(style: Style) -> str:
    """The painting, its painter, its year and its licence in one line."""
    origin = ", ".join(part for part in (style.artist, style.year) if part)
    parts = (style.title or style.name, origin, style.licence)
    return " · ".join(part for part in parts if part)
