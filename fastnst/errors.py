"""The errors that fastnst raises on purpose. Their text is written for the person at the screen."""


class FastnstError(ValueError):
    """A request that cannot be met. The message says what was wrong, given and allowed."""


class PictureError(FastnstError):
    """A picture that cannot be read, is too large or too small, or cannot be written."""


class CheckpointError(FastnstError):
    """A weights file that is missing, damaged, of another kind or not safe to use."""


class SettingError(FastnstError):
    """A setting that is out of range."""


class StyleError(SettingError):
    """An unknown style, or a blend that is none."""


class EngineError(FastnstError):
    """An engine or device that is unknown or not available on this machine."""


class TrainingError(FastnstError):
    """A training that cannot start or cannot go on."""


class HubError(FastnstError):
    """What was asked of the Hub cannot be had.

    Attributes:
        passing: whether the same request may work later, as when there is no network; what was
            pulled before will do until then.
    """

    def __init__(self, message: str, *, passing: bool = False) -> None:
        super().__init__(message)
        self.passing = passing


class CancelledError(RuntimeError):
    """The work was stopped because its owner asked for that."""
