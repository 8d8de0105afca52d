"""The studio behind the page: the networks that all visitors share, and what is shown of them."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

from fastnst.catalog import DEFAULT_STYLES, load
from fastnst.checkpoint import Checkpoint, Style
from fastnst.choices import SCALES, check_scale
from fastnst.errors import FastnstError, SettingError
from fastnst.hub.pretrained import load as load_network
from fastnst.images import open_picture
from fastnst.stylizer import Stylizer
from fastnst.ui.embedding import data_uri
from fastnst.ui.pace import Pace
from fastnst.ui.pulled import PulledNetworks
from fastnst.ui.samples import SAMPLES, THUMBNAIL_PHOTO
from fastnst.ui.trained import TrainedStyles, is_trained
from fastnst.ui.training_desk import TrainingDesk
from fastnst.upscaler import Upscaler

THUMBNAIL = 192
SAMPLE_THUMBNAIL = 128
# Seconds for a megapixel that two cores upscale, and write; what is measured replaces it.
UPSCALING_PACE = 0.2


class Studio:
    """The styles of one checkpoint, known at once, and its stylizer, which takes seconds to load.

    The page can answer before the stylizer is there: whoever asks for it waits for `open`. What
    upscales is loaded when first asked for, and so are the networks that were added from the Hub.

    Attributes:
        checkpoint: what is shown and used.
        pulled: the networks that were added.
        desk: where visitors train styles.
        trained: what they trained.
        pace: of painting.
        upscaling_paces: of upscaling, for each factor.
    """

    def __init__(
        self,
        weights: str | Path | Checkpoint = DEFAULT_STYLES,
        upscalers: Mapping[int, Upscaler] | None = None,
        **options: Any,
    ) -> None:
        """Read a checkpoint.

        Args:
            weights: see `Stylizer`.
            upscalers: factor → what enlarges by it, in place of those that ship.
            options: the other arguments of `Stylizer` and `Upscaler`.

        Raises:
            CheckpointError: the weights are missing or damaged.
        """
        self.checkpoint = weights if isinstance(weights, Checkpoint) else load(weights)
        self.pace = Pace()
        self.upscaling_paces = {scale: Pace(UPSCALING_PACE) for scale in SCALES}
        self.pulled = PulledNetworks(options)
        self.desk = TrainingDesk()
        self.trained = TrainedStyles(self.desk, lambda: self.stylizer, options)
        self._options = options
        self._upscalers = dict(upscalers or {})
        self._loading = Lock()
        self._stylizer: Future[Stylizer] = Future()
        self._thumbnails: Future[Mapping[str, str]] = Future()

    def open(self) -> None:
        """Load the stylizer and paint the thumbnails; called once.

        Raises:
            FastnstError: the weights or the engine cannot be used. Visitors who wait get it too.
        """
        try:
            stylizer = Stylizer(self.checkpoint, **self._options)
            self._stylizer.set_result(stylizer)
            photo = open_picture(THUMBNAIL_PHOTO.path)
            self._thumbnails.set_result(
                {
                    style: data_uri(stylizer(photo, style, size=THUMBNAIL), THUMBNAIL)
                    for style in stylizer.styles
                }
            )
            for network in self.pulled.of("style"):
                with suppress(FastnstError):  # whoever uses it is told
                    self.pulled.paint_thumbnails(network)
        except BaseException as error:
            for waited_for in (self._stylizer, self._thumbnails):
                if not waited_for.done():
                    waited_for.set_exception(error)
            raise

    @property
    def stylizer(self) -> Stylizer:
        """Waits until the studio is open."""
        return self._stylizer.result()

    @property
    def styles(self) -> list[Style]:
        """Those of the checkpoint, then those that were added, named as in `fastnst.ui.pulled`."""
        return [*self.checkpoint.styles, *self.pulled.styles()]

    @property
    def thumbnails(self) -> Mapping[str, str]:
        """Style name → a sample photo in it, as a data URI. Waits until the studio is open."""
        return {**self._thumbnails.result(), **self.pulled.thumbnails()}

    def styles_for(self, trained: Sequence[str]) -> list[Style]:
        """Those of a visitor's trainings, then `styles`."""
        return [*self.trained.styles(trained), *self.styles]

    def thumbnails_for(self, trained: Sequence[str]) -> Mapping[str, str]:
        """As `thumbnails`, with those of a visitor's trainings."""
        return {**self.thumbnails, **self.trained.thumbnails(trained)}

    def style_network(self, *networks: str) -> Stylizer:
        """What paints in the styles of networks that can be mixed; nothing stands for the page's.

        Raises:
            FastnstError: see `PulledNetworks.network` and `TrainedStyles.stylizer`.
        """
        if any(map(is_trained, networks)):
            return self.trained.stylizer(networks)
        repo = networks[0]
        return self.pulled.network(repo, "style") if repo else self.stylizer

    def load(self, name: str) -> Any:
        """A network that ships, loaded for one use.

        Raises:
            FastnstError: see `fastnst.load`.
        """
        return load_network(name, **self._options)

    def upscaler(self, scale: int, repo: str = "") -> Upscaler:
        """What enlarges by a factor. The first who asks waits until it is loaded.

        Args:
            scale: the factor.
            repo: a network that was added, instead of those that ship.

        Raises:
            FastnstError: there is none for the factor, or the engine cannot be used.
        """
        check_scale(scale)
        if repo:
            added: Upscaler = self.pulled.network(repo, "super-resolution")
            if added.scale != scale:
                raise SettingError(f"{repo} enlarges ×{added.scale}, not ×{scale}.")
            return added
        with self._loading:
            if scale not in self._upscalers:
                self._upscalers[scale] = Upscaler(scale, **self._options)
            return self._upscalers[scale]


def sample_thumbnails() -> list[str]:
    """The sample photos, small and square, as data URIs."""
    return [data_uri(open_picture(sample.path), SAMPLE_THUMBNAIL) for sample in SAMPLES]
