"""What an evaluation of styles says: its numbers as JSON, its table, its sheet of pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean
from typing import Any

from baseline import BASELINE, Worth, mean_worth, worth_iterations
from PIL import Image, ImageDraw, ImageOps
from torch import Tensor

LOSSES = ("content", "style", "objective")
SHOWN_ITERATIONS = (5, 10, 20, 50)
NOTHING = "–"

SHEET_PHOTOS = 4
SHEET_CELL = 320


@dataclass(frozen=True)
class Painted:
    """A style, and how near to it pictures come.

    Attributes:
        title: of the painting.
        picture: the painting.
        grams: its Gram matrices.
        losses: of the network's pictures, photo by photo.
        curves: of the baseline, for the first of the photos.
    """

    title: str
    picture: Image.Image
    grams: Mapping[str, Tensor]
    losses: list[dict[str, float]] = field(default_factory=list)
    curves: list[list[float]] = field(default_factory=list)

    @property
    def worths(self) -> list[Worth]:
        """What the network's pictures are worth, for the photos that have a curve."""
        pairs = zip(self.losses, self.curves, strict=False)
        return [worth_iterations(losses["objective"], curve) for losses, curve in pairs]

    def numbers(self) -> dict[str, Any]:
        """Means over the photos: the losses, the baseline and the worth."""
        return {
            **{name: fmean(losses[name] for losses in self.losses) for name in LOSSES},
            "baseline": {
                str(count): fmean(curve[count] for curve in self.curves)
                for count in SHOWN_ITERATIONS
                if self.curves
            },
            "worth": mean_worth(self.worths) if self.curves else None,
        }


def to_json(about: Mapping[str, Any], styles: Mapping[str, Painted]) -> dict[str, Any]:
    """Every number of an evaluation."""
    rows = {
        name: {
            **_plain(style.numbers()),
            "photos": dict(zip(about["photos"], style.losses, strict=True)),
            "worths": [asdict(worth) for worth in style.worths],
        }
        for name, style in styles.items()
    }
    return {**about, "styles": rows, "mean": _plain(_mean(styles))}


def to_table(about: Mapping[str, Any], styles: Mapping[str, Painted]) -> str:
    """The table of an evaluation, with a line below that says what was measured."""
    heads = ["style", *LOSSES, *(f"L-BFGS {count}" for count in SHOWN_ITERATIONS)]
    lines = [
        f"| {' | '.join([*heads, 'worth iterations'])} |",
        f"|---{'|--:' * len(heads)}|",
        *(_line(style.title, style.numbers()) for style in styles.values()),
        _line("**mean**", _mean(styles)),
    ]
    measure = about["yardstick"]
    layers = measure["style_layers"].replace(",", ", ")
    note = (
        f"{len(about['photos'])} photos never trained on, {about['size']} px on the long side. "
        f"Content at {measure['content_layer']}, style at {layers} with the painting's short side "
        f"at {measure['style_size']} px, both relative; objective = content + "
        f"{measure['style_weight']:g} × style, lower is better: means over the photos, of one pass "
        f"of the network, 8-bit picture in to 8-bit picture out ({about['device']})."
    )
    if about["baseline_photos"]:
        note += (
            f" L-BFGS: the objective after so many iterations of pixel optimisation from the "
            f"photo, for {len(about['baseline_photos'])} of the photos. Worth: the "
            f"iterations after which it is as good as the network's one pass on the same photos, "
            f"interpolated, plain means; > where {BASELINE.iterations} are not enough, a mean with "
            f"> counts those as {BASELINE.iterations}."
        )
    return "\n".join([*lines, "", note, ""])


def make_sheet(
    styles: Mapping[str, Painted],
    photos: Sequence[Image.Image],
    rows: Sequence[Sequence[Image.Image]],
) -> Image.Image:
    """A sheet to look at: the photos on top, then a row a style, its painting first."""
    empty = Image.new("RGB", (1, 1), "white")
    paintings = [style.picture for style in styles.values()]
    table = [[empty, *photos]]
    table += [[painting, *row] for painting, row in zip(paintings, rows, strict=True)]
    cell = SHEET_CELL, SHEET_CELL
    sheet = Image.new("RGB", (SHEET_CELL * len(table[0]), SHEET_CELL * len(table)), "white")
    for y, row in enumerate(table):
        for x, picture in enumerate(row):
            fitted = ImageOps.pad(picture, cell, Image.Resampling.LANCZOS, "white")
            sheet.paste(fitted, (x * SHEET_CELL, y * SHEET_CELL))
    draw = ImageDraw.Draw(sheet)
    for y, style in enumerate(styles.values(), 1):
        place = (4, y * SHEET_CELL + 4)
        draw.text(place, style.title, "white", stroke_width=2, stroke_fill="black")
    return sheet


def _mean(styles: Mapping[str, Painted]) -> dict[str, Any]:
    """The plain mean over the styles of all their numbers."""
    rows = [style.numbers() for style in styles.values()]
    worths = [row["worth"] for row in rows if row["worth"]]
    return {
        **{name: fmean(row[name] for row in rows) for name in LOSSES},
        "baseline": {
            count: fmean(row["baseline"][count] for row in rows) for count in rows[0]["baseline"]
        },
        "worth": mean_worth(worths) if worths else None,
    }


def _plain(numbers: Mapping[str, Any]) -> dict[str, Any]:
    return {**numbers, "worth": asdict(numbers["worth"]) if numbers["worth"] else None}


def _line(title: str, numbers: Mapping[str, Any]) -> str:
    cells = [title.replace("|", "\\|"), *(f"{numbers[name]:.2f}" for name in LOSSES)]
    for count in SHOWN_ITERATIONS:
        value = numbers["baseline"].get(str(count))
        cells.append(NOTHING if value is None else f"{value:.2f}")
    return f"| {' | '.join([*cells, str(numbers['worth'] or NOTHING)])} |"
