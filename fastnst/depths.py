"""How thoroughly a style can be learnt. No torch: the page and the command offer it before."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastnst.errors import SettingError


@dataclass(frozen=True)
class Depth:
    """How much is learnt.

    Attributes:
        title: for people.
        about: likewise, a sentence.
        minutes: it takes, unless told otherwise; where the settings name steps, in the page alone.
        page_minutes: the least and the most that the page gives it.
        from_base: starts from a network that knows other styles.
        own_photos: needs photos to be brought.
        settings: fields of `StyleSettings`, where they are not the usual ones.
    """

    title: str
    about: str
    minutes: float
    page_minutes: tuple[float, float]
    from_base: bool = True
    own_photos: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def adapter(self) -> bool:
        """Whether the style alone is learnt, so that it mixes with others of its base."""
        return self.settings.get("learn") == "styles"


DEPTHS: Mapping[str, Depth] = {
    "quick": Depth(
        "Quick",
        "A few minutes, and a style that can be mixed with the others.",
        minutes=2.9,
        page_minutes=(1, 15),
        settings={
            "learn": "styles",
            "batch": 1,
            "crop": 448,
            "first_crop": 256,
            "momentum": 0.88,
            "style_rate": 2e-2,
            "warmup": 5,
            "varied_strengths": 0.0,
            "check_steps": 200,
        },
    ),
    "full": Depth(
        "Full",
        "The whole network learns this one painting: closer to it, but cannot be mixed.",
        minutes=30.0,
        page_minutes=(2, 60),
        settings={"warmup": 50, "check_steps": 100},
    ),
    "scratch": Depth(
        "Scratch",
        "A new network, from nothing: hours, and a folder of a thousand photos or so.",
        minutes=240.0,
        page_minutes=(60, 1440),
        from_base=False,
        own_photos=True,
        settings={"steps": 40000, "check_steps": 500},
    ),
}


def find_depth(name: str) -> Depth:
    """A depth by its name.

    Raises:
        SettingError: there is none of that name.
    """
    if name not in DEPTHS:
        raise SettingError(f"The depth is {name!r:.40}; allowed are {', '.join(DEPTHS)}.")
    return DEPTHS[name]
