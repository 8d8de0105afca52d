"""`fastnst bench`."""

import json
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from fastnst.catalog import DEFAULT_STYLES
from fastnst.cli.options import AsJson, Device, Engine, Weights, parse_sides
from fastnst.cli.reporting import print_table, reporting
from fastnst.errors import SettingError
from fastnst.memory import keep_freed_memory
from fastnst.stylizer import Stylizer
from fastnst.upscaler import Upscaler

Columns = tuple[tuple[str, str, str], ...]

# Of a table: the header of a column, the attribute that it shows, and how.
NETWORKS: Columns = (
    ("paper, eager fp32", "paper", "{:.2f} s"),
    ("faster", "ratio", "{:.1f}×"),
    ("its network alone", "paper_network", "{:.2f} s"),
    ("faster", "network_ratio", "{:.1f}×"),
)
OPTIMIZATION: Columns = (
    ("an iteration of L-BFGS", "iteration", "{:.2f} s"),
    ("500 of them, reckoned", "optimization", "{:.0f} s"),
    ("faster", "ratio", "{:,.0f}×"),
)


def bench(
    size: Annotated[
        list[str] | None, typer.Option(help="Of the picture: 512x512; several may be given.")
    ] = None,
    runs: Annotated[int, typer.Option(min=1, help="Timed runs of each; medians are shown.")] = 3,
    scale: Annotated[
        int | None, typer.Option(help="Measure upscaling, 4 or 8 times, instead of stylizing.")
    ] = None,
    optimize: Annotated[
        bool, typer.Option("--optimize", help="Measure against 500 iterations of optimisation.")
    ] = False,
    weights: Weights = DEFAULT_STYLES,
    engine: Engine = "auto",
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Measure this machine against the paper's network in eager fp32 torch, or optimisation."""
    with reporting(as_json):
        sizes = [parse_sides(text) for text in size or ()]
        if optimize and scale is not None:
            raise SettingError("--optimize measures stylizing, --scale upscaling; choose one.")
        # They bring torch, which takes seconds.
        from fastnst import bench as benches

        measured: Iterator[Any]
        if scale is None:
            stylizer = Stylizer(weights, engine=engine, device=device)
            found = stylizer.device
            if optimize:
                keep_freed_memory()  # as `fastnst optimize` does
                columns, title = OPTIMIZATION, f"Stylizing, mean of {benches.TIMED} iterations"
                measured = benches.bench_optimization(
                    stylizer, sizes or benches.OPTIMIZED_SIZES, runs
                )
            else:
                columns, title = NETWORKS, f"Stylizing, picture to picture, median of {runs}"
                measured = benches.bench(stylizer, sizes or benches.SIZES, runs)
        else:
            upscaler = Upscaler(scale, engine=engine, device=device)
            found, columns = upscaler.device, NETWORKS
            title = f"Upscaling ×{scale}, picture to picture, median of {runs}"
            measured = benches.bench_upscaler(upscaler, sizes or benches.UPSCALED_SIZES, runs)
        table = Table(
            "Size", f"fastnst ({found})", *(header for header, _, _ in columns), title=title
        )
        rows = []
        with Console(stderr=True).status("measuring…"):
            for row in measured:
                facts = {name: getattr(row, name) for _, name, _ in columns}
                rows.append({**vars(row), **facts})
                cells = [text.format(facts[name]) for _, name, text in columns]
                table.add_row(f"{row.width}×{row.height}", f"{row.fastnst:.3f} s", *cells)
        if as_json:
            typer.echo(json.dumps({"device": found, "runs": runs, "rows": rows}))
        else:
            print_table(table)
