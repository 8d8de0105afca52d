"""`fastnst bench`."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from fastnst.catalog import DEFAULT_STYLES
from fastnst.cli.options import AsJson, Device, Engine, Weights, parse_sides
from fastnst.cli.reporting import print_table, reporting
from fastnst.stylizer import Stylizer
from fastnst.upscaler import Upscaler


def bench(
    size: Annotated[
        list[str] | None, typer.Option(help="Of the picture: 512x512; several may be given.")
    ] = None,
    runs: Annotated[int, typer.Option(min=1, help="Timed runs of each; medians are shown.")] = 3,
    scale: Annotated[
        int | None, typer.Option(help="Measure upscaling, 4 or 8 times, instead of stylizing.")
    ] = None,
    weights: Weights = DEFAULT_STYLES,
    engine: Engine = "auto",
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Measure this machine against the paper's network in eager fp32 torch."""
    with reporting(as_json):
        sizes = [parse_sides(text) for text in size or ()]
        # They bring torch, which takes seconds.
        from fastnst.bench import SIZES, UPSCALED_SIZES, bench_upscaler
        from fastnst.bench import bench as bench_stylizer

        if scale is None:
            stylizer = Stylizer(weights, engine=engine, device=device)
            found, measured = stylizer.device, bench_stylizer(stylizer, sizes or SIZES, runs)
        else:
            upscaler = Upscaler(scale, engine=engine, device=device)
            found = upscaler.device
            measured = bench_upscaler(upscaler, sizes or UPSCALED_SIZES, runs)
        table = Table(
            "Size",
            f"fastnst ({found})",
            "paper, eager fp32",
            "faster",
            "its network alone",
            "faster",
            title=f"{'Stylizing' if scale is None else f'Upscaling ×{scale}'}, "
            f"picture to picture, median of {runs}",
        )
        rows = []
        with Console(stderr=True).status("measuring…"):
            for row in measured:
                rows.append({**vars(row), "ratio": row.ratio, "network_ratio": row.network_ratio})
                table.add_row(
                    f"{row.width}×{row.height}",
                    f"{row.fastnst:.3f} s",
                    f"{row.paper:.2f} s",
                    f"{row.ratio:.1f}×",
                    f"{row.paper_network:.2f} s",
                    f"{row.network_ratio:.1f}×",
                )
        if as_json:
            typer.echo(json.dumps({"device": found, "runs": runs, "rows": rows}))
        else:
            print_table(table)
