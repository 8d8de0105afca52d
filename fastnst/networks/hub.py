"""What makes a network a citizen of the Hub."""

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from huggingface_hub import PyTorchModelHubMixin
from torch import nn

from fastnst.checkpoint import Checkpoint, Style
from fastnst.errors import CheckpointError

if TYPE_CHECKING:
    from fastnst.hub.push import Pushed

T = TypeVar("T", bound="HubNetwork")


class HubNetwork(nn.Module, PyTorchModelHubMixin, library_name="fastnst"):
    """A network with `from_pretrained`, `save_pretrained` and `push_to_hub`.

    They are the Hub library's, made strict: what is loaded is a checkpoint of ours, checked as
    every one is, and never a pickle. The library itself would let missing and unknown tensors pass.
    """

    # What its checkpoint says beside settings and tensors; kept for the next one.
    _origin: Checkpoint | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # The mixin's __new__ takes anything; the settings of a network are those of its __init__.
        signature = inspect.signature(cls.__init__)
        cls.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=list(signature.parameters.values())[1:]
        )

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls: type[T],
        pretrained_model_name_or_path: str | Path,
        *,
        revision: str | None = None,
        token: str | None = None,
    ) -> T:
        """Load by a shipped name, a file, a folder, or from the Hub; strictly.

        Raises:
            CheckpointError: there is none, it is no good, or it is another kind of network.
            HubError: the Hub does not have it, or cannot be asked.
        """
        return cls._from_pretrained(
            model_id=str(pretrained_model_name_or_path), revision=revision, token=token
        )

    @classmethod
    def _from_pretrained(  # type: ignore[override]
        cls: type[T], *, model_id: str, revision: str | None, token: str | None, **_: Any
    ) -> T:
        from fastnst.adapters import completed
        from fastnst.catalog import load
        from fastnst.networks import build_network

        checkpoint = completed(load(model_id, revision=revision, token=token))
        network = build_network(checkpoint)
        if not isinstance(network, cls):
            raise CheckpointError(
                f"{model_id[:120]} is a {type(network).__name__}, not a {cls.__name__}."
            )
        network._origin = checkpoint
        return network

    def to_checkpoint(self) -> Checkpoint:
        """This network as it is now, with what its checkpoint said of it."""
        from fastnst.networks import ARCHITECTURES, network_tensors

        name, architecture = next(
            (name, each) for name, each in ARCHITECTURES.items() if each.network is type(self)
        )
        return Checkpoint(
            task=architecture.task,
            architecture=name,
            settings=dict(self._hub_mixin_config or {}),  # type: ignore[arg-type]
            tensors=network_tensors(self),
            styles=self._origin.styles if self._origin else self._unnamed_styles(),
            training=self._origin.training if self._origin else {},
            grams=self._origin.grams if self._origin else {},
        )

    def _unnamed_styles(self) -> tuple[Style, ...]:
        count = len(getattr(self, "styles", ()))
        return tuple(Style(f"style_{number}") for number in range(1, count + 1))

    def _save_pretrained(self, save_directory: Path) -> None:
        from fastnst.hub.repository import save_repository

        save_repository(self.to_checkpoint(), save_directory)

    def push_to_hub(  # type: ignore[override]
        self, repo_id: str, private: bool = False, token: str | None = None, **options: Any
    ) -> "Pushed":
        """Publish on the Hub; see `fastnst.Stylizer.push_to_hub`."""
        from fastnst.hub.pretrained import from_checkpoint

        made = from_checkpoint(self.to_checkpoint())
        return made.push_to_hub(repo_id, private, token, **options)
