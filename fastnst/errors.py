"""The errors that fastnst raises on purpose. Their text is written for the person at the screen."""


class FastnstError(ValueError):
    """A request that cannot be met. The message says what was wrong, given and allowed."""


class PictureError(FastnstError):
    """A picture that cannot be read, is too large or too small, or cannot be written."""


class CheckpointError(FastnstError):
    """A weights file that is missing, damaged, of another kind or not safe to use."""


class StyleError(FastnstError):
    """An unknown style, or a setting of one that is out of range."""


class EngineError(FastnstError):
    """An engine or device that is unknown or not available on this machine."""


class TrainingError(FastnstError):
    """A training that cannot start or cannot go on."""


class CancelledError(RuntimeError):
    """The work was stopped because its owner asked for that."""
