"""Serving the page, as a program: what `app.py` runs."""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Sequence

# Read when Gradio and the Hub library are imported. Uploads get a folder that no other program
# shares; it goes when this one ends.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
_uploads = tempfile.TemporaryDirectory(prefix="fastnst-", ignore_cleanup_errors=True)
os.environ.setdefault("GRADIO_TEMP_DIR", _uploads.name)

from fastnst.errors import FastnstError  # noqa: E402
from fastnst.hub.library import find_pulled  # noqa: E402
from fastnst.hub.pull import pull  # noqa: E402
from fastnst.hub.repository import HubId  # noqa: E402
from fastnst.ui.page import build_page, launch  # noqa: E402
from fastnst.ui.studio import Studio  # noqa: E402


def main(networks: Sequence[str] = ()) -> int:
    """Serve the page until interrupted; 2 if it cannot be served.

    Args:
        networks: on the Hub, to add to the page if they are not in it.
    """
    parser = argparse.ArgumentParser(description="The page.")
    parser.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (default: 7860 or the next)")
    parser.add_argument("--engine", default="auto", help="auto, openvino or torch")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    arguments = parser.parse_args()
    # As Ctrl-C does: what is to be deleted or ended at exit is.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    _add(networks)
    try:
        studio = Studio(engine=arguments.engine, device=arguments.device)
        page = build_page(studio)
        launch(
            page,
            server_name=arguments.host,
            server_port=arguments.port,
            prevent_thread_lock=True,
        )
        studio.open()
    except FastnstError as error:
        print(error, file=sys.stderr)
        return 2
    page.block_thread()
    return 0


def _add(networks: Sequence[str]) -> None:
    """Add those that are missing; what cannot be had now is passed over."""
    for name in networks:
        try:
            known = find_pulled(HubId.parse(name).repo)
            if known is None or known.weights is None:
                pull(name)
        except FastnstError as error:
            print(error, file=sys.stderr)
