"""The losses of a training as a drawing: SVG, written out in the page itself."""

import math
from collections.abc import Sequence

from fastnst.ui.training_job import Report

WIDTH, HEIGHT = 600.0, 100.0  # of the drawing; the page stretches it
MOST_POINTS = 150
MEMORY = 0.9  # how much of the line so far counts in its next point: single steps jump about

Line = list[tuple[float, float]]


def draw_curve(reports: Sequence[Report]) -> str:
    """The losses over the steps, on a logarithmic scale: of what is practised on, and held out.

    Args:
        reports: in order; none draws nothing.
    """
    if not reports:
        return ""
    practised, held_out = practised_line(reports), held_out_line(reports)
    values = [value for _, value in (*practised, *held_out)]
    low, high = min(values), max(values)
    steps = reports[-1].steps
    lines = "".join(
        f'<polyline class="{name}" points="{_points(line, steps, low, high)}"/>'
        for name, line in (("practised", practised), ("held-out", held_out))
        if line
    )
    now, first = practised[-1][1], practised[0][1]
    seen = held_out[-1][1] if held_out else None
    about = f"The distance to the painting fell from {first:.2f} to {now:.2f}"
    return (
        '<figure class="curve"><figcaption><b>Distance to the painting</b>'
        f'<span class="practised">on photos it learns from {now:.2f}</span>'
        + (f'<span class="held-out">on a new photo {seen:.2f}</span>' if seen else "")
        + f'</figcaption><svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" preserveAspectRatio="none" '
        f'role="img" aria-label="{about}">{lines}</svg></figure>'
    )


def practised_line(reports: Sequence[Report]) -> Line:
    """Step and loss, smoothed: a mean that forgets, and is right from the first step on."""
    line: Line = []
    total = weight = 0.0
    for report in reports:
        if math.isfinite(report.loss):
            total = MEMORY * total + report.loss
            weight = MEMORY * weight + 1
            line.append((report.step, total / weight))
    return _thinned(line)


def held_out_line(reports: Sequence[Report]) -> Line:
    """Step and held-out loss, where it was measured anew."""
    line: Line = []
    for report in reports:
        value = report.held_out
        if value is not None and math.isfinite(value) and (not line or line[-1][1] != value):
            line.append((report.step, value))
    return _thinned(line)


def _thinned(line: Line) -> Line:
    """At most about `MOST_POINTS` of them, the last always among them."""
    every = -(-len(line) // MOST_POINTS) or 1
    return line[::-1][::every][::-1]


def _points(line: Line, steps: int, low: float, high: float) -> str:
    bottom, top = math.log(max(low, 1e-6)), math.log(max(high, 1e-6))
    span = (top - bottom) or 1.0
    places = (
        (
            WIDTH * step / max(steps, 1),
            HEIGHT * (0.05 + 0.9 * (top - math.log(max(value, 1e-6))) / span),
        )
        for step, value in line
    )
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
