"""How fast this machine is, learnt from run to run."""

# How much of what was known still counts after a run, and how many megapixels a guess is worth.
MEMORY = 0.5
GUESSED = 2.0


class Pace:
    """How long one kind of work takes. Large pictures say more of it than small ones."""

    def __init__(self, guess: float | None = None) -> None:
        """Start with a guess.

        Args:
            guess: seconds for a megapixel; none if nothing is known before the first run.
        """
        self._megapixels = GUESSED if guess else 0.0
        self._seconds = GUESSED * (guess or 0.0)

    def note(self, size: tuple[int, int], seconds: float) -> None:
        """Learn from a run."""
        self._megapixels = MEMORY * self._megapixels + megapixels(size)
        self._seconds = MEMORY * self._seconds + seconds

    def foretell(self, size: tuple[int, int]) -> float | None:
        """Seconds that a picture of a size will take, if anything is known of that."""
        if not self._megapixels:
            return None
        return self._seconds / self._megapixels * megapixels(size)


def megapixels(size: tuple[int, int]) -> float:
    return size[0] * size[1] / 1e6
