"""Photos for visitors who have none at hand: the ones that Gradio carries."""

from dataclasses import dataclass
from pathlib import Path

from gradio.media import get_image


@dataclass(frozen=True)
class Sample:
    """A sample photo: its file among Gradio's, and what a visitor reads of it."""

    file: str
    title: str

    @property
    def path(self) -> Path:
        return Path(get_image(self.file))


SAMPLES = (
    Sample("tower.jpg", "Eiffel Tower"),
    Sample("lion.jpg", "Lions"),
    Sample("cheetah1.jpg", "Cheetah"),
    Sample("groot.jpeg", "Tree creature"),
)
SAMPLE_PATHS = {sample.file: sample.path for sample in SAMPLES}
# What the page opens with, and what the thumbnails of the styles show.
OPENING_PHOTO = SAMPLES[0]
THUMBNAIL_PHOTO = SAMPLES[1]
# What the Upscale tab opens with: a small one.
UPSCALED_SAMPLE = SAMPLES[1]
