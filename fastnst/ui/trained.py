"""The styles that visitors trained: for whoever knows the id of the training, for nobody else.

In the page a style of theirs is called `ID:style`, as those that were added from the Hub are called
`USER/NAME:style`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from fastnst.checkpoint import Checkpoint, Style
from fastnst.errors import FastnstError, StyleError
from fastnst.images import open_picture
from fastnst.stylizer import Stylizer
from fastnst.ui.embedding import data_uri
from fastnst.ui.pulled import THUMBNAIL
from fastnst.ui.samples import THUMBNAIL_PHOTO
from fastnst.ui.training_desk import TrainingDesk, known
from fastnst.ui.training_job import ALONE, MIXED, Job

LOADED = 4  # that stay in memory, the ones used last


def is_trained(network: str) -> bool:
    """Whether a network of the page is a visitor's."""
    return network.startswith((MIXED, ALONE))


def family(network: str) -> str:
    """What the networks have in common whose styles can be mixed: nothing stands for the page's."""
    return "" if network.startswith(MIXED) else network


def name_in_page(job: Job) -> str:
    """What the style of a training is called in the page."""
    return f"{job.id}:{job.order.name}"


class TrainedStyles:
    """What was trained at a desk and is still kept. Threads may share it."""

    def __init__(
        self, desk: TrainingDesk, page: Callable[[], Stylizer], options: Mapping[str, Any]
    ) -> None:
        """Nothing is loaded yet.

        Args:
            desk: where styles are trained.
            page: what paints in the styles of the page.
            options: the arguments of `Stylizer`, weights apart.
        """
        self._desk = desk
        self._page = page
        self._options = options
        self._alone = lru_cache(LOADED)(self._load_alone)
        self._mixed = lru_cache(LOADED)(self._load_mixed)

    def jobs(self, ids: Sequence[str]) -> list[Job]:
        """The trainings that a visitor began and that came to something, the newest first."""
        return [job for job in reversed(known(self._desk, ids)) if job.made is not None]

    def styles(self, ids: Sequence[str]) -> list[Style]:
        """Their styles, named as in the page."""
        return [
            replace(style, name=name_in_page(job))
            for job in self.jobs(ids)
            for style in _made(job).styles
        ]

    def thumbnails(self, ids: Sequence[str]) -> dict[str, str]:
        """Style, named as in the page → a sample photo in it, as a data URI."""
        return {name_in_page(job): self._thumbnail(job) for job in self.jobs(ids)}

    def network(self, id_: str) -> Stylizer:
        """What paints in the style of a training, and in no other.

        Raises:
            FastnstError: it is no longer kept, or cannot be used.
        """
        return self._alone(self._find(id_))

    def stylizer(self, networks: Iterable[str]) -> Stylizer:
        """What paints in the styles of trainings, and of the page if they can be mixed with them.

        Args:
            networks: ids of trainings of one family, and nothing for the page.

        Raises:
            FastnstError: one is no longer kept, or cannot be used.
        """
        jobs = tuple(self._find(network) for network in sorted(networks) if network)
        if len(jobs) == 1 and not jobs[0].mixed:
            return self._alone(jobs[0])
        return self._mixed(*jobs)

    def _find(self, id_: str) -> Job:
        jobs = self.jobs([id_])
        if not jobs:
            raise StyleError("This style is no longer kept here; load it from the file, or train.")
        return jobs[0]

    def _load_alone(self, job: Job) -> Stylizer:
        base = self._page().checkpoint if job.mixed else None
        return Stylizer(_made(job), base=base, **self._options)

    def _load_mixed(self, *jobs: Job) -> Stylizer:
        return self._page().with_styles(*map(_made, jobs))

    def _thumbnail(self, job: Job) -> str:
        if not job.thumbnail:
            photo = open_picture(THUMBNAIL_PHOTO.path)
            try:
                painted = self._alone(job)(photo, size=THUMBNAIL)
            except FastnstError:  # whoever uses it is told
                return ""
            job.thumbnail = data_uri(painted, THUMBNAIL)
        return job.thumbnail


def _made(job: Job) -> Checkpoint:
    assert job.made is not None
    return job.made
