"""Measure a trained network on photos it never saw, beside what it has to stand beside.

    python training/evaluate.py style --photos PHOTOS --paintings PAINTINGS --out FOLDER
    python training/evaluate.py new_styles --photos PHOTOS --paintings PAINTINGS --styles FILES …
    python training/evaluate.py sr --benchmarks BENCHMARKS --out FOLDER

`--photos` is the folder that the network was trained on: the photos that training held out are
found again in it. `--benchmarks` holds Set5, Set14 and BSD100. The folder of results gets a JSON
file with every number, the table as Markdown and pictures to look at. `--readme README.md` puts
the table there, between the lines `<!-- evaluation:KIND -->` and `<!-- /evaluation:KIND -->`.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import new_style_evaluation
import sr_evaluation
import style_evaluation

from fastnst.errors import FastnstError, TrainingError
from fastnst.files import replacing
from fastnst.memory import keep_freed_memory


@dataclass(frozen=True)
class Evaluation:
    """A kind of network that can be evaluated.

    Attributes:
        about: one line for people who choose.
        add_arguments: its options, beside those that all kinds have.
        run: measures, and returns every number as JSON holds it, and the table as Markdown.
    """

    about: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], tuple[dict, str]]


EVALUATIONS: Mapping[str, Evaluation] = {
    "style": Evaluation(
        "style transfer, beside pixel optimisation with L-BFGS",
        style_evaluation.add_arguments,
        style_evaluation.evaluate,
    ),
    "new_styles": Evaluation(
        "styles learnt after the network, beside each other and L-BFGS",
        new_style_evaluation.add_arguments,
        new_style_evaluation.evaluate,
    ),
    "sr": Evaluation(
        "super-resolution, beside bicubic and whatever else is given",
        sr_evaluation.add_arguments,
        sr_evaluation.evaluate,
    ),
}


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure a trained network.")
    commands = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    for name, evaluation in EVALUATIONS.items():
        command = commands.add_parser(name, help=evaluation.about)
        evaluation.add_arguments(command)
        command.add_argument("--out", type=Path, required=True, help="folder for the results")
        command.add_argument("--readme", type=Path, help="file whose table is to be replaced")
    return parser.parse_args(arguments)


def replace_block(text: str, name: str, block: str) -> str:
    """A text with what stands between `<!-- name -->` and `<!-- /name -->` replaced.

    Raises:
        TrainingError: the two lines are not there exactly once, in that order.
    """
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    pattern = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
    if text.count(start) != 1 or text.count(end) != 1 or not pattern.search(text):
        raise TrainingError(f"The table needs one line {start} and, after it, one line {end}.")
    return pattern.sub(lambda _: f"{start}\n{block.strip()}\n{end}", text)


def evaluate(arguments: argparse.Namespace) -> None:
    marker = f"evaluation:{arguments.kind}"
    if arguments.readme:  # before hours are spent
        replace_block(_read(arguments.readme), marker, "")
    results, table = EVALUATIONS[arguments.kind].run(arguments)
    _write(arguments.out / f"{arguments.kind}.json", json.dumps(results, indent=2) + "\n")
    _write(arguments.out / f"{arguments.kind}.md", table)
    if arguments.readme:
        _write(arguments.readme, replace_block(_read(arguments.readme), marker, table))
    print(table)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise TrainingError(f"Cannot read {path}: {error.strerror}.") from error


def _write(path: Path, text: str) -> None:
    try:
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise TrainingError(f"Cannot write {path}: {error.strerror}.") from error


def main() -> None:
    keep_freed_memory()
    try:
        evaluate(parse())
    except FastnstError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("stopped; the same command goes on where the baseline stands")


if __name__ == "__main__":
    main()
