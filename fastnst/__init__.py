"""fastnst: photos repainted in a style, in a fraction of a second and without a GPU."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastnst.errors import FastnstError
    from fastnst.hub.pretrained import load
    from fastnst.stylizer import Stylizer
    from fastnst.upscaler import Upscaler

__all__ = ["FastnstError", "Stylizer", "Upscaler", "load"]
__version__ = "0.1.0"

# Loaded when first asked for: importing fastnst must not wait for torch.
_HOMES = {
    "FastnstError": "fastnst.errors",
    "Stylizer": "fastnst.stylizer",
    "Upscaler": "fastnst.upscaler",
    "load": "fastnst.hub.pretrained",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
