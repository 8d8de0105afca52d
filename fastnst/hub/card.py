"""The model card: what a network is, how to use it, how it was made, and under what licence."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from fastnst.catalog import HUB_ID
from fastnst.checkpoint import Checkpoint, Style
from fastnst.checkpoint_file import FORMAT
from fastnst.errors import HubError

TEMPLATE = Path(__file__).with_name("card.md.jinja")
# Task of a checkpoint → its tag on the Hub.
TASK_TAGS: Mapping[str, str] = {
    "style": "style-transfer",
    "super-resolution": "image-super-resolution",
}
PIPELINE = "image-to-image"
DEFAULT_LICENCE = "apache-2.0"
# What paintings may be under for a style of theirs to be given away freely.
FREE = {"", "public domain", "cc0", "cc0-1.0"}
OTHER_LICENCE = "other"
LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,59}")
MARKUP = re.compile(r"([\\`*_{}\[\]<>()#|!~&$])")


@dataclass(frozen=True)
class Wording:
    """What a card says of a task.

    Attributes:
        about: one sentence; {what} is filled in.
        picture: what the preview shows.
        python: three lines.
        command: the same on the command line.
    """

    about: str
    picture: str
    python: str
    command: str


WORDINGS: Mapping[str, Wording] = {
    "style": Wording(
        about="Repaints photos in the style of {what}, in a fraction of a second.",
        picture="The sample photo before and after",
        python=(
            "from fastnst import Stylizer\nfrom PIL import Image\n"
            'Stylizer.from_pretrained("{repo}")(Image.open("photo.jpg")).save("painting.png")'
        ),
        command="fastnst stylize photo.jpg -o painting.jpg --weights {repo}",
    ),
    "super-resolution": Wording(
        about="Makes pictures {what} times as large each way, sharp and believable.",
        picture="A small picture enlarged: bicubic, and by this network",
        python=(
            "from fastnst import Upscaler\nfrom PIL import Image\n"
            'Upscaler.from_pretrained("{repo}")(Image.open("small.jpg")).save("large.png")'
        ),
        command="fastnst upscale small.jpg -o large.png --weights {repo}",
    ),
}


def model_card(
    checkpoint: Checkpoint, repo: str, size: int, licence: str = "", base_model: str = ""
) -> str:
    """The README of a repository.

    Args:
        checkpoint: what is described.
        repo: "USER/NAME".
        size: of its weights, in bytes.
        licence: an identifier of the Hub's, such as "cc-by-4.0"; by default Apache-2.0, unless a
            painting has a licence of its own.
        base_model: the repository of the network that this one was trained from, if any.

    Raises:
        HubError: the licence is not an identifier, or no card is written for the task.
    """
    wording = WORDINGS.get(checkpoint.task)
    if wording is None:
        raise HubError(
            f"Networks for {checkpoint.task[:40]} are not published; "
            f"allowed are {', '.join(WORDINGS)}."
        )
    title = title_of(checkpoint, repo)
    losses = _numbers(checkpoint.training.get("losses"))
    losses.pop("gradient", None)  # its length, which training notes beside them
    card = ModelCard.from_template(
        ModelCardData(
            license=_licence(checkpoint, licence),
            license_name=_licence_name(checkpoint, licence),
            library_name=FORMAT,
            pipeline_tag=PIPELINE,
            tags=[FORMAT, TASK_TAGS[checkpoint.task]],
            base_model=base_model or _base_repo(checkpoint),
            model_name=title,
            eval_results=_results(checkpoint, losses) or None,
            title=title,
            artist=", ".join(_artists(checkpoint)) or None,
            weights_bytes=size,
        ),
        template_path=str(TEMPLATE),
        title=plain(title),
        about=plain(wording.about.format(what=_what(checkpoint, title))),
        picture=wording.picture,
        repo=repo,
        styles=[_Row(style) for style in checkpoint.styles],
        python=wording.python.format(repo=repo),
        command=wording.command.format(repo=repo),
        architecture=checkpoint.architecture,
        parameters=f"{sum(array.size for array in checkpoint.tensors.values()):,}",
        size=f"{size / 1e6:.2g}",
        base=plain(checkpoint.base.name) if checkpoint.base else "",
        losses=losses,
        settings={
            plain(name): plain(value)
            for name, value in checkpoint.training.items()
            if isinstance(value, str | int | float)
        },
        licence=_licence_sentence(checkpoint, licence),
    )
    return str(card)


def _base_repo(checkpoint: Checkpoint) -> str | None:
    found = HUB_ID.fullmatch(checkpoint.base.name) if checkpoint.base else None
    return found["repo"] if found else None


def title_of(checkpoint: Checkpoint, repo: str) -> str:
    """What a network is called: its only style, or its repository."""
    styles = checkpoint.styles
    return (styles[0].title if len(styles) == 1 else "") or repo.partition("/")[2]


def _artists(checkpoint: Checkpoint) -> list[str]:
    return list(dict.fromkeys(style.artist for style in checkpoint.styles if style.artist))


def plain(text: object) -> str:
    """A text that Markdown and HTML leave alone."""
    return MARKUP.sub(r"\\\1", " ".join(str(text).split()))


class _Row:
    """The facts of a style, for a table."""

    def __init__(self, style: Style) -> None:
        self.name = style.name  # letters, digits and underscores only
        self.title, self.artist = plain(style.title), plain(style.artist)
        self.year, self.licence = plain(style.year), plain(style.licence)


def _what(checkpoint: Checkpoint, title: str) -> str:
    if checkpoint.task != "style":
        return str(checkpoint.settings.get("scale", "several"))
    if len(checkpoint.styles) != 1:
        return f"{len(checkpoint.styles)} paintings"
    style = checkpoint.styles[0]
    return f"{title} by {style.artist}" if style.artist else title


def _licence(checkpoint: Checkpoint, given: str) -> str:
    if given:
        if not LICENCE.fullmatch(given.lower()):
            raise HubError(
                f"The licence is {given[:60]!r}; it is an identifier of the Hub's: "
                "apache-2.0, mit, cc-by-4.0, cc0-1.0, other …"
            )
        return given.lower()
    return OTHER_LICENCE if _bound(checkpoint) else DEFAULT_LICENCE


def _bound(checkpoint: Checkpoint) -> list[str]:
    """The licences of its paintings that ask for something."""
    said = {style.licence for style in checkpoint.styles}
    return sorted(each for each in said if each.strip().lower() not in FREE)


def _licence_name(checkpoint: Checkpoint, given: str) -> str | None:
    if _licence(checkpoint, given) != OTHER_LICENCE:
        return None
    name = "-".join(re.findall(r"[a-z0-9.]+", " ".join(_bound(checkpoint)).lower()))
    return name[:60] or "see-card"


def _licence_sentence(checkpoint: Checkpoint, given: str) -> str:
    sentence = f"The weights are under {_licence(checkpoint, given)}."
    bound = _bound(checkpoint)
    return f"{sentence} The paintings: {plain('; '.join(bound))}." if bound else sentence


def _results(checkpoint: Checkpoint, losses: Mapping[str, float]) -> list[EvalResult]:
    """What was measured: PSNR on the benchmarks if the checkpoint says it, and the losses."""
    tag = TASK_TAGS[checkpoint.task]
    rows = [
        ("psnr", f"PSNR ({name})", name, value)
        for name, value in _numbers(checkpoint.training.get("psnr")).items()
    ]
    rows += [
        (f"{name}-loss", f"{name} loss", "training photos", value) for name, value in losses.items()
    ]
    return [
        EvalResult(
            task_type=PIPELINE,
            task_name=tag,
            dataset_type=re.sub(r"\W+", "-", data.lower()).strip("-") or "photos",
            dataset_name=data,
            metric_type=kind,
            metric_name=name,
            metric_value=value,
        )
        for kind, name, data, value in rows
    ]


def _numbers(table: Any) -> dict[str, float]:
    if not isinstance(table, Mapping):
        return {}
    return {
        str(name)[:60]: value
        for name, value in table.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
