"""`fastnst push`, `fastnst pull`, `fastnst search` and `fastnst space`.

The Hub's library is imported when a command needs it: the others must not wait for it.
"""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from fastnst.cli.options import AsJson, Device, Engine
from fastnst.cli.reporting import print_table, reporting

if TYPE_CHECKING:  # it brings the Hub's library
    from fastnst.hub.push import Pushed

UNKNOWN = "?"


def push(
    weights: Annotated[
        str, typer.Argument(metavar="WEIGHTS", help="A checkpoint file, a folder with one, …")
    ],
    repo_id: Annotated[
        str, typer.Argument(metavar="USER/NAME", help="The repository; made if there is none.")
    ],
    private: Annotated[bool, typer.Option("--private", help="Visible to you alone.")] = False,
    licence: Annotated[
        str,
        typer.Option(
            "--license", help="Of the weights, as the Hub writes it: apache-2.0, cc-by-4.0 …"
        ),
    ] = "",
    base_model: Annotated[
        str, typer.Option(help="The repository of the network that this was trained from.")
    ] = "",
    message: Annotated[str, typer.Option(help="Of the commit.")] = "",
    engine: Engine = "auto",
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Publish a network on the Hub, with a card and a preview; the token is the stored one."""
    with reporting(as_json):
        from fastnst.hub.pretrained import load

        pushed = load(weights, engine=engine, device=device).push_to_hub(
            repo_id, private, licence=licence, base_model=base_model, message=message
        )
        _report_push(pushed, as_json)


def pull(
    name: Annotated[str, typer.Argument(metavar="ID[@REV]", help="USER/NAME on the Hub.")],
    as_json: AsJson = False,
) -> None:
    """Get a network from the Hub, check it and keep it; then --weights USER/NAME means it."""
    with reporting(as_json):
        from fastnst.hub.pull import pull as pull_network

        network = pull_network(name)
        if as_json:
            typer.echo(json.dumps(asdict(network), ensure_ascii=False))
        else:
            typer.echo(network.name)


def search(
    text: Annotated[str, typer.Argument(metavar="[TEXT]", help="To look for in names.")] = "",
    sort: Annotated[str, typer.Option(help="likes or downloads.")] = "likes",
    task: Annotated[str, typer.Option(help="style or super-resolution; by default both.")] = "",
    limit: Annotated[int, typer.Option(help="The most to show, up to 100.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Find networks on the Hub."""
    with reporting(as_json):
        from fastnst.hub.search import search as search_hub

        found = search_hub(text, sort=sort, task=task, limit=limit)
        if as_json:
            typer.echo(json.dumps([asdict(row) for row in found], indent=2, ensure_ascii=False))
            return
        table = Table("Name", "Title", "Task", "Licence", "Size", "Likes", "Downloads")
        for row in found:
            size = UNKNOWN if row.size is None else f"{row.size / 1e6:.1f} MB"
            cells = (row.repo, row.title, row.task, row.licence, size)
            table.add_row(*map(Text, cells), str(row.likes), str(row.downloads))
        print_table(table)


def space(
    repo_id: Annotated[
        str, typer.Argument(metavar="USER/NAME", help="The Space; made if there is none.")
    ],
    styles: Annotated[
        list[str] | None,
        typer.Option("--style", metavar="ID", help="On the Hub, to be there from the start."),
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="Visible to you alone.")] = False,
    hardware: Annotated[
        str, typer.Option(help="Of a new Space: cpu-basic …; by default zero-a10g, which is free.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Publish the page as a Space on the Hub; the token is the stored one."""
    with reporting(as_json):
        from fastnst.hub.space import DEFAULT_HARDWARE, publish_space

        pushed = publish_space(
            repo_id, styles or (), private, hardware=hardware or DEFAULT_HARDWARE
        )
        _report_push(pushed, as_json)


def _report_push(pushed: "Pushed", as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(pushed)))
        return
    typer.echo(pushed.url)
    if not pushed.changed:
        typer.echo("nothing has changed since the last push", err=True)


def show_pulled(as_json: bool) -> None:
    """The styles of all pulled networks, for `fastnst styles --hub`."""
    from fastnst.hub.library import pulled_networks

    rows = [
        {"weights": network.repo, **vars(style)}
        for network in pulled_networks()
        for style in network.styles
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    table = Table("Weights", "Name", "Title", "Painter", "Year", "Licence")
    for row in rows:
        table.add_row(*(Text(text) for text in row.values()))
    print_table(table)
