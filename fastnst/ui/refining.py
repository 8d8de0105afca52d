"""Refining what the Stylize tab shows: a few seconds of optimisation, watched live."""

from collections.abc import Callable
from pathlib import Path

from fastnst.ui.files import open_kept
from fastnst.ui.live import Live, stand_back
from fastnst.ui.painting import Choices
from fastnst.ui.studio import Studio

SECONDS = 10.0


def refine_painting(
    studio: Studio, photo: Path, chosen: Choices, live: Live, cancelled: Callable[[], bool]
) -> bool:
    """Paint a photo as chosen and refine it; the thread's work.

    Raises:
        PictureError, StyleError: see `fastnst.refine.refine`.
    """
    stand_back()
    from fastnst.descent import shared_loss_network  # they bring torch, and VGG-16
    from fastnst.refine import refine

    steps = refine(
        studio.style_network(*chosen.networks),
        open_kept(photo),
        **chosen.arguments,
        seconds=SECONDS,
        loss_network=shared_loss_network(),
    )
    return live.drive(steps, cancelled)
