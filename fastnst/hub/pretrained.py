"""Loading and publishing, as `Stylizer` and `Upscaler` both do it."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fastnst.catalog import load as load_weights
from fastnst.checkpoint import Checkpoint
from fastnst.engines import AUTO
from fastnst.errors import CheckpointError

if TYPE_CHECKING:
    from fastnst.hub.push import Pushed

T = TypeVar("T", bound="Pretrained")
# Task of a checkpoint → what works with it.
HOMES = {
    "style": ("fastnst.stylizer", "Stylizer"),
    "super-resolution": ("fastnst.upscaler", "Upscaler"),
}


class Pretrained:
    """What is made from one checkpoint, `cls(weights=checkpoint, engine=, device=)`.

    Attributes:
        checkpoint: what it was made from.
    """

    checkpoint: Checkpoint

    @classmethod
    def from_pretrained(
        cls: type[T],
        name: str | Path,
        *,
        revision: str | None = None,
        token: str | None = None,
        engine: str = AUTO,
        device: str = AUTO,
    ) -> T:
        """Load by a shipped name, a file, a folder, or from the Hub.

        Args:
            name: which; on the Hub "USER/NAME" or "USER/NAME@REVISION".
            revision: on the Hub: a branch, tag or commit; by default the newest, or the commit
                that it was pulled at.
            token: for the Hub; by default the stored one.
            engine: "openvino" or "torch"; by default the fastest.
            device: "cpu", "cuda" or "mps"; by default the fastest.

        Raises:
            CheckpointError: there are no such weights, or they are no good or for another task.
            HubError: the Hub does not have them, or cannot be asked.
            EngineError: the engine or device is unknown or not on this machine.
        """
        checkpoint = load_weights(name, revision=revision, token=token)
        return cls(weights=checkpoint, engine=engine, device=device)  # type: ignore[call-arg]

    def push_to_hub(
        self,
        repo_id: str,
        private: bool = False,
        token: str | None = None,
        *,
        licence: str = "",
        base_model: str = "",
        message: str = "",
    ) -> "Pushed":
        """Publish on the Hub, with a model card and a preview. Nothing changed is no commit.

        Args:
            repo_id: "USER/NAME", or "NAME" for one of your own. Made if there is none.
            private: make it visible to you alone.
            token: to use for this and nothing else; by default the stored one.
            licence: of the weights, as the Hub writes it, "cc-by-4.0". By default apache-2.0,
                unless a painting has a licence of its own.
            base_model: the repository of the network that this one was trained from.
            message: of the commit.

        Returns:
            The repository, its commit and the address of its page.

        Raises:
            HubError: it cannot be published, and why.
        """
        from fastnst.hub.push import push_and_follow  # the Hub's library takes a while

        options = {"licence": licence, "base_model": base_model, "message": message}
        return push_and_follow(self, repo_id, private, token=token, **options)


def load(
    name: str | Path,
    *,
    revision: str | None = None,
    token: str | None = None,
    engine: str = AUTO,
    device: str = AUTO,
) -> Any:
    """Load a network to work with: a `Stylizer` or an `Upscaler`, as its checkpoint says.

    Args and errors are those of `Stylizer.from_pretrained`.
    """
    checkpoint = load_weights(name, revision=revision, token=token)
    return from_checkpoint(checkpoint, engine=engine, device=device)


def from_checkpoint(checkpoint: Checkpoint, *, engine: str = AUTO, device: str = AUTO) -> Any:
    """A `Stylizer` or an `Upscaler` of a checkpoint."""
    if checkpoint.task not in HOMES:
        raise CheckpointError(
            f"The weights are for {checkpoint.task[:40]!r}; known are {', '.join(HOMES)}."
        )
    module, kind = HOMES[checkpoint.task]
    return getattr(import_module(module), kind)(weights=checkpoint, engine=engine, device=device)
