"""The networks that were found on the Hub, as cards. All their texts are strangers': escaped."""

from collections.abc import Collection, Mapping, Sequence
from html import escape

import gradio as gr

from fastnst.hub.search import Found
from fastnst.ui.cards import CHOOSE_SAMPLE

TASKS: Mapping[str, str] = {"style": "Styles", "super-resolution": "Upscaling"}


def found_gallery() -> gr.HTML:
    """The networks found; `input` when one is to be added. Value: its repository."""
    return gr.HTML(
        None,
        html_template="${cards}",
        cards="",
        js_on_load=CHOOSE_SAMPLE,
        apply_default_css=False,
        elem_id="hub-cards",
    )


def found_cards(
    found: Sequence[Found],
    pictures: Mapping[str, str],
    added: Collection[str],
    may_add: bool,
) -> str:
    """One card for each network.

    Args:
        found: in order.
        pictures: repository → its preview, as a data URI.
        added: the repositories that the page has.
        may_add: whether to offer to add the others.
    """
    cards = "".join(
        f'<article class="found" aria-label="{escape(row.title)}">'
        f"{_picture(row, pictures.get(row.repo))}"
        f'<div class="about"><h3 title="{escape(row.title)}">{escape(row.title)}</h3>'
        f'<p class="by">{escape(" · ".join(part for part in (row.artist, row.repo) if part))}</p>'
        f'<p class="facts">{escape(" · ".join(facts(row)))}</p></div>'
        f"{_action(row.repo, row.repo in added, may_add)}</article>"
        for row in found
    )
    return f'<div class="shelf">{cards}</div>'


def facts(row: Found) -> list[str]:
    """Task, licence, size and how popular it is."""
    size = "" if row.size is None else f"{row.size / 1e6:.1f} MB"
    likes = f"{row.likes} like{'' if row.likes == 1 else 's'}"
    parts = (TASKS.get(row.task, ""), row.licence or "no licence", size, likes)
    return [part for part in parts if part]


def _picture(row: Found, source: str | None) -> str:
    if source is None:
        return '<span class="frame"></span>'
    return f'<img class="frame" src="{escape(source)}" alt="Preview of {escape(row.title)}">'


def _action(repo: str, added: bool, may_add: bool) -> str:
    if added:
        return '<span class="added">Added</span>'
    name = escape(repo)
    return f'<button type="button" value="{name}">Add</button>' if may_add else ""
