"""What the Train tab does: from the painting that is dropped to the style that is kept."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from fastnst.depths import DEPTHS
from fastnst.errors import FastnstError, PictureError, TrainingError
from fastnst.images import encode_picture, open_picture
from fastnst.ui import status
from fastnst.ui.embedding import embedded
from fastnst.ui.files import QUICK_PNG, keep_file
from fastnst.ui.panel import Updates
from fastnst.ui.rights import owns_page
from fastnst.ui.samples import OPENING_PHOTO, SAMPLE_PATHS
from fastnst.ui.status import dimensions
from fastnst.ui.studio import Studio
from fastnst.ui.stylize import StylizeTab
from fastnst.ui.tab import tell
from fastnst.ui.train_form import (
    OWNER_ONLY,
    Form,
    cut_out,
    minutes_label,
    read_order,
    read_painting,
)
from fastnst.ui.train_stage import (
    NO_PAINTING,
    WHOLE,
    Stage,
    framed_box,
    jpeg_source,
    painting_figure,
    preview_figure,
)
from fastnst.ui.training_desk import known
from fastnst.ui.training_job import Job
from fastnst.ui.upload import PREVIEW, receive, uploaded_file
from fastnst.ui.visit import Visit, VisitorPhoto

READY = "Frame the part to learn from, say its name, and start."
DISCARDED = "It is deleted. Drop a painting to begin anew."
BUSY = "Your training is still running; keep or cancel it before you start another."
AS_IT_IS, SO_FAR, IN_STYLE = "Your photo", "Your photo, so far", "Your photo, in its style"


@dataclass
class Sitting:
    """What a visitor has brought to the tab, and what is shown there. Session state.

    Attributes:
        painting: what to learn from: the file.
        photo: what to show it on.
        shown: the training whose pictures are shown.
        drawn: when the preview that is shown was written, in ns; 0 if none is.
        over: whether the end of it is shown.
    """

    painting: Path | None = None
    photo: VisitorPhoto | None = None
    shown: Job | None = None
    drawn: int = 0
    over: bool = False


@dataclass(frozen=True)
class TrainTab:
    """The components of the tab, and its handlers.

    Attributes:
        sitting: of the visitor.
        trained: the ids of the visitor's trainings, which the browser remembers.
        timer: ticks while a training runs or waits.
    """

    studio: Studio
    sitting: gr.State
    trained: gr.BrowserState
    timer: gr.Timer
    form: Form
    stage: Stage
    stylize: StylizeTab

    @property
    def outputs(self) -> list[Any]:
        form, styles = self.form, self.stylize.controls
        return [
            self.trained, self.timer, form.painting, form.photo, form.plan, form.start,
            *self.stage.outputs, styles.style, styles.second,
        ]  # fmt: skip

    @property
    def nothing(self) -> Updates:
        """That all stays as it is."""
        return {self.timer: gr.skip()}

    # What the visitor brings

    def take_painting(self, sitting: Sitting, trained: list[str], payload: Any) -> Updates:
        """Show a painting of the visitor's with a frame in it, or wait for one."""
        if running(known(self.studio.desk, trained)):
            said = self.refuse(TrainingError(BUSY)) if payload else {}
            return {**said, self.form.painting: None}
        if payload is None:
            sitting.painting = None
            return self.clear(sitting, "Drop a painting to begin.")
        try:
            path = uploaded_file(payload)
            picture = read_painting(path)
        except FastnstError as error:
            return {**self.refuse(error), self.form.painting: None}
        sitting.painting, preview = path, small(picture)
        kept = keep_file(encode_picture(preview, QUICK_PNG), "painting.png")
        caption = f"The painting, {dimensions(picture.size)}: frame the part to learn from"
        before = painting_figure(preview, caption, framed=True)
        return {
            **self.clear(sitting, READY),
            self.form.painting: str(kept),
            self.stage.painting: gr.update(value=WHOLE, before=before),
        }

    def take_photo(self, sitting: Sitting, payload: Any) -> Updates:
        """Show a photo of the visitor's, on which the style is to be watched."""
        if payload is None:
            sitting.photo = None
            return self.nothing
        return self._take(sitting, lambda: uploaded_file(payload))

    def take_sample(self, sitting: Sitting, name: str) -> Updates:
        """Show one of the sample photos."""
        return self._take(sitting, lambda: SAMPLE_PATHS[name])

    def _take(self, sitting: Sitting, find: Callable[[], Path]) -> Updates:
        try:
            sitting.photo = receive(find())
        except FastnstError as error:
            before = sitting.photo and str(sitting.photo.preview)
            return {**self.refuse(error), self.form.photo: before}
        updates = {} if sitting.shown else self.show_photo(sitting.photo)
        return {self.form.photo: str(sitting.photo.preview), **updates}

    def refuse(self, error: FastnstError) -> Updates:
        """Say why not: below the pictures, and above all, where no tick of a training covers it."""
        tell(error)
        return {self.stage.caption: status.message(str(error))}

    def show_photo(self, photo: VisitorPhoto) -> Updates:
        picture = open_picture(photo.preview)
        return {self.stage.preview: preview_figure(embedded(picture), picture.size, AS_IT_IS)}

    # The training

    def start(
        self, sitting: Sitting, trained: list[str], frame: str, request: gr.Request, *filled: Any
    ) -> Updates:
        """Put the training in the line: of the painting in its frame, or of the last one again."""
        desk = self.studio.desk
        jobs = known(desk, trained)
        if running(jobs):
            return self.refuse(TrainingError(BUSY))
        source = sitting.shown.painting if sitting.shown else sitting.painting
        try:
            taken = [style.name for style in self.studio.checkpoint.styles]
            taken += [job.order.name for job in jobs if job.made is not None]
            if source is None:
                raise PictureError("Drop a painting first.")
            order = read_order(*filled, taken=taken, owner=owns_page(request, None))
            painting = read_painting(source)
            part = cut_out(painting, framed_box(frame, painting.size))
            if sitting.photo is None or not sitting.photo.preview.is_file():
                sitting.photo = receive(OPENING_PHOTO.path)
            job = desk.submit(order, part, sitting.photo.preview)
        except FastnstError as error:
            return self.refuse(error)
        ids = [*(each.id for each in jobs), job.id]
        return {self.trained: ids, **self.show_job(sitting, job)}

    def show_job(self, sitting: Sitting, job: Job) -> Updates:
        """All that there is to see of a training."""
        sitting.shown, sitting.drawn, sitting.over = job, 0, False
        painting, photo = small(open_picture(job.painting)), open_picture(job.photo)
        before = painting_figure(painting, job.title, framed=False)
        return {
            self.stage.painting: gr.update(value=WHOLE, before=before),
            self.stage.preview: preview_figure(embedded(photo), photo.size, AS_IT_IS),
            self.stage.curve: "",
            **self.show_state(sitting, job),
        }

    def show_state(self, sitting: Sitting, job: Job) -> Updates:
        """How far a training is, and what came of it when it has ended."""
        over = job.ended is not None
        updates: Updates = {
            self.timer: gr.Timer(active=not over),
            self.form.start: gr.update(interactive=over),
        }
        if over:
            return {**updates, **self.show_end(sitting, job)}
        place, seconds = self.studio.desk.ahead(job)
        if place:
            return {**updates, **self.stage.show_waiting(place + 1, seconds)}
        return {**updates, **self.stage.show_progress(job), **self.show_preview(sitting, job)}

    def show_preview(self, sitting: Sitting, job: Job) -> Updates:
        """The visitor's photo in the style so far, if there is a newer one than is shown."""
        if job.preview is None or not job.preview.is_file():
            return {}
        written = job.preview.stat().st_mtime_ns
        if written == sitting.drawn:
            return {}
        sitting.drawn = written
        data = job.preview.read_bytes()
        size = open_picture(job.preview).size
        return {self.stage.preview: preview_figure(jpeg_source(data), size, SO_FAR)}

    def show_end(self, sitting: Sitting, job: Job) -> Updates:
        """What came of a training: the style, which is the visitor's from now on, or why none."""
        sitting.over = True
        updates = self.stage.show_end(job)
        if job.made is None:
            return updates
        try:
            made = self.studio.trained.network(job.id)(open_picture(job.photo))
            updates[self.stage.preview] = preview_figure(embedded(made), made.size, IN_STYLE)
            kept = keep_file(job.result.read_bytes(), job.result.name)
            updates[self.stage.download] = gr.update(visible=True, value=str(kept))
        except (FastnstError, OSError) as error:
            updates[self.stage.caption] = status.message(str(error))
        return updates

    def look(self, sitting: Sitting, trained: list[str], visit: Visit, chosen: str) -> Updates:
        """A tick: what has changed since the last."""
        jobs = known(self.studio.desk, trained)
        if not jobs:  # it was discarded elsewhere, or is no longer kept
            return {self.timer: gr.Timer(active=False), **self.clear(sitting, DISCARDED)}
        job = jobs[-1]
        if sitting.shown is not job:
            updates = self.show_job(sitting, job)
        elif sitting.over:
            return {self.timer: gr.Timer(active=False)}
        else:
            updates = self.show_state(sitting, job)
        if sitting.over and job.made is not None:
            visit.trained = trained
            updates.update(self.stylize.show_styles(visit, chosen))
        return updates

    def wake(self, trained: list[str]) -> Any:
        """At the beginning of a visit: go on watching what the visitor began in another."""
        return gr.Timer(active=running(known(self.studio.desk, trained)))

    def come(self, sitting: Sitting, trained: list[str]) -> Updates:
        """Show what there is when the visitor comes to the tab."""
        jobs = known(self.studio.desk, trained)
        updates = self.nothing
        if sitting.photo is None:
            updates = self.take_sample(sitting, OPENING_PHOTO.file)
        if jobs and (sitting.shown or sitting.painting is None):
            updates.update(self.show_job(sitting, jobs[-1]))
        return updates

    def keep(self, sitting: Sitting) -> Updates:
        """End the training, and keep what it has learnt."""
        job = sitting.shown
        if job is None:
            return self.nothing
        self.studio.desk.stop(job)
        return self.show_state(sitting, job)

    def discard(self, sitting: Sitting, trained: list[str], visit: Visit, chosen: str) -> Updates:
        """Give up a training, or delete what came of it."""
        job = sitting.shown
        if job is None:
            return self.nothing
        self.studio.desk.discard(job)
        visit.trained = [id_ for id_ in trained if id_ != job.id]
        return {
            self.trained: visit.trained,
            self.timer: gr.Timer(active=False),
            **self.clear(sitting, DISCARDED),
            **self.stylize.show_styles(visit, chosen),
        }

    def clear(self, sitting: Sitting, said: str) -> Updates:
        """As before any training."""
        sitting.shown, sitting.over = None, False
        photo = {} if sitting.photo is None else self.show_photo(sitting.photo)
        return {
            **photo,
            self.stage.painting: gr.update(value=WHOLE, before=NO_PAINTING),
            self.stage.curve: "",
            self.stage.caption: status.message(said),
            self.form.start: gr.update(interactive=True),
            **self.stage.offer(),
        }

    # What the form says

    def plan(self, trained: list[str], depth: str, request: gr.Request) -> str:
        """What will happen, and how long the line is that one would join."""
        way = DEPTHS[depth]
        about = way.about
        if way.own_photos and not owns_page(request, None):
            about = OWNER_ONLY.format(depth=depth)
        desk = self.studio.desk
        before, seconds = desk.ahead()
        if before and not running(known(desk, trained)):
            trainings = "1 training comes" if before == 1 else f"{before} trainings come"
            about += f" {trainings} before yours: about {status.duration(seconds)}."
        return status.message(about)

    def fields(self, depth: str, request: gr.Request) -> Updates:
        """Which fields a depth has."""
        way = DEPTHS[depth]
        brings = not way.adapter and owns_page(request, None)
        return {
            self.form.minutes: gr.update(value=way.minutes, label=minutes_label(way)),
            self.form.photos: gr.update(visible=brings),
        }


def running(jobs: list[Job]) -> bool:
    """Whether one of them is not over."""
    return any(job.ended is None for job in jobs)


def small(picture: Image.Image) -> Image.Image:
    """A picture as the page shows it."""
    copy = picture.copy()
    copy.thumbnail((PREVIEW, PREVIEW), Image.Resampling.LANCZOS)
    return copy
