"""The paper's central figure, drawn live: the objective against time, as SVG in the page itself."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 640, 220
LEFT, BOTTOM, TOP, RIGHT = 44, 30, 12, 12
MOST_POINTS = 200
SHORTEST = 0.01  # seconds, where the axis begins at the latest


@dataclass(frozen=True)
class OnePass:
    """What one pass of a network came to.

    Attributes:
        label: what it is, in two words.
        seconds: that it took.
        objective: of its picture.
    """

    label: str
    seconds: float
    objective: float


def draw_plot(curve: Sequence[tuple[float, float]], one_pass: OnePass | None) -> str:
    """Objective over time, on a logarithmic axis of time; nothing if there is nothing to draw.

    Args:
        curve: seconds and objective, a pair an iteration.
        one_pass: of a network, for the same objective, if there is one.
    """
    points = [*curve, *([(one_pass.seconds, one_pass.objective)] if one_pass else [])]
    if not points:
        return ""
    first = min(SHORTEST, *(seconds for seconds, _ in points if seconds > 0), 1.0)
    low, high = math.floor(math.log10(first)), math.ceil(math.log10(max(1.0, *_seconds(points))))
    top = max(objective for _, objective in points) or 1.0

    def place(seconds: float, objective: float) -> tuple[float, float]:
        across = (math.log10(max(seconds, 10**low)) - low) / max(1, high - low)
        x = LEFT + across * (WIDTH - LEFT - RIGHT)
        return x, HEIGHT - BOTTOM - objective / top * (HEIGHT - BOTTOM - TOP)

    parts = [_axes(low, high, top, place(10**high, 0)[0])]
    every = -(-len(curve) // MOST_POINTS) or 1
    thinned = [*curve[:-1:every], *curve[-1:]]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in thinned))
    if path:
        parts.append(f'<polyline class="slow" points="{path}"/>')
    if one_pass:
        x, y = place(one_pass.seconds, one_pass.objective)
        parts.append(
            f'<line class="pass" x1="{x:.1f}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>'
        )
        parts.append(f'<circle class="pass" cx="{x:.1f}" cy="{y:.1f}" r="5"/>')
    return (
        f'<figure class="lab-plot"><figcaption>{escape(_sentence(curve, one_pass))}</figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="Objective against time">{"".join(parts)}</svg></figure>'
    )


def _seconds(points: Sequence[tuple[float, float]]) -> list[float]:
    return [seconds for seconds, _ in points]


def _axes(low: int, high: int, top: float, end: float) -> str:
    base = HEIGHT - BOTTOM
    marks = [f'<line class="axis" x1="{LEFT}" y1="{base}" x2="{end:.0f}" y2="{base}"/>']
    for power in range(low, high + 1):
        x = LEFT + (power - low) / max(1, high - low) * (WIDTH - LEFT - RIGHT)
        anchor = "end" if power == high else "middle"
        marks.append(
            f'<text x="{x:.0f}" y="{base + 18}" text-anchor="{anchor}">{10.0**power:g} s</text>'
        )
    for value, y in ((0.0, base), (top, TOP)):
        marks.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{value:.3g}</text>')
    return "".join(marks)


def _sentence(curve: Sequence[tuple[float, float]], one_pass: OnePass | None) -> str:
    """What the figure says, in words."""
    if one_pass is None:
        return f"Objective against time: {curve[-1][1]:.3g} after {curve[-1][0]:.3g} s."
    passed = f"{one_pass.label}: {one_pass.objective:.3g} in {one_pass.seconds:.2g} s"
    if not curve:
        return f"{passed}."
    as_good = next((at for at, value in curve if value <= one_pass.objective), None)
    if as_good is None:
        return f"{passed}. Optimisation: {curve[-1][1]:.3g} after {curve[-1][0]:.3g} s."
    times = as_good / max(one_pass.seconds, 1e-6)
    return (
        f"{passed}. Optimisation is as good after {as_good:.3g} s, {times:,.0f} times as long; "
        f"now {curve[-1][1]:.3g}."
    )
