"""The page: its tabs in one frame, and how it is served."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gradio as gr

from fastnst.ui.api import add_endpoints
from fastnst.ui.files import KEEP_SECONDS, SWEEP_SECONDS
from fastnst.ui.hub import draw_hub
from fastnst.ui.lab import draw_lab
from fastnst.ui.studio import Studio
from fastnst.ui.stylize import draw_stylize
from fastnst.ui.train import draw_train, hand_on
from fastnst.ui.upload import MAX_UPLOAD
from fastnst.ui.upscale import draw_upscale, enlarge_result

FOLDER = Path(__file__).parent
LONGEST_QUEUE = 64
# Where the browser remembers the ids of its trainings. No secret: the ids are what nobody guesses.
TRAINED = "fastnst-trained"
TICK_SECONDS = 1.0
# What Gradio's sign-in button asks at each visit: nothing for programs and agents.
SIGN_IN_CHECK = "_check_login_status"

HEADER = f"""
<h1>fastnst</h1>
<p>Your photo, painted like a masterpiece.</p>
<p>Nobody else sees your photos; they are deleted within
{(SWEEP_SECONDS + KEEP_SECONDS) // 60} min.</p>
"""

# The semi-bold cuts that Gradio 6.31 bundles lack most Latin letters; these are whole.
FONT_WEIGHTS = (400, 700)
# One accent colour, warm greys, and fonts that Gradio brings along.
THEME = gr.themes.Base(
    primary_hue="orange",
    secondary_hue="orange",
    neutral_hue="stone",
    radius_size="md",
    spacing_size="sm",
    text_size="md",
    font=[gr.themes.LocalFont("IBM Plex Sans", FONT_WEIGHTS), "sans-serif"],
    font_mono=[gr.themes.LocalFont("IBM Plex Mono", FONT_WEIGHTS), "monospace"],
).set(body_text_color_subdued="*neutral_500", body_text_color_subdued_dark="*neutral_400")


def build_page(studio: Studio) -> gr.Blocks:
    """The page of a studio, which may still have to open. `launch` serves it."""
    with gr.Blocks(
        title="fastnst: photos, painted",
        analytics_enabled=False,
        delete_cache=(SWEEP_SECONDS, KEEP_SECONDS),
    ) as page:
        gr.HTML(HEADER, elem_id="header")
        trained = gr.BrowserState([], storage_key=TRAINED, secret=TRAINED)
        timer = gr.Timer(TICK_SECONDS, active=False)
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab("Stylize", id="stylize"):
                stylize = draw_stylize(studio, page, trained)
            with gr.Tab("Upscale", id="upscale") as upscale_tab:
                upscale = draw_upscale(studio, upscale_tab.select)
            with gr.Tab("Train", id="train") as train_tab:
                train = draw_train(studio, page, train_tab.select, trained, timer, stylize)
            with gr.Tab("Hub", id="hub") as hub_tab:
                gallery, upscaling = stylize.controls.style, upscale.controls.network
                hub = draw_hub(studio, hub_tab.select, gallery, upscaling, trained)
            with gr.Tab("Lab", id="lab") as lab_tab:
                draw_lab(studio, lab_tab.select)
        enlarge_result(stylize, upscale, tabs)
        hand_on(train, hub.sharing, tabs)
        add_endpoints(studio)
    for function in page.fns.values():
        if function.name == SIGN_IN_CHECK:
            function.api_visibility = "private"
    return page


def launch(page: gr.Blocks, **overrides: Any) -> tuple[Any, str, str]:
    """Serve a page.

    Args:
        page: from `build_page`.
        overrides: arguments of `gr.Blocks.launch`, in place of the page's own.

    Returns:
        The app, its address on this machine, and its public address (none).
    """
    # api_open: the queue is for everybody; without this, one can post past it.
    page.queue(max_size=LONGEST_QUEUE, api_open=False)
    own: dict[str, Any] = {
        "theme": THEME,
        "css_paths": FOLDER / "page.css",
        "js": (FOLDER / "page.js").read_text(encoding="utf-8"),
        "max_file_size": MAX_UPLOAD,
        "footer_links": ["api"],
        "run_history": False,
        "share": False,
        "ssr_mode": False,
        "mcp_server": find_spec("mcp") is not None,  # the endpoints of `api.py` as tools
    }
    return page.launch(**{**own, **overrides})
