"""A training as a process of its own: `python -m fastnst.ui.trainee train PAINTING …`.

It is the command line, only that it comes after everybody else who wants the processor, and ends
when the server does, however that ends: then the pipe to its standard input is closed.
"""

import os
import threading

NICENESS = 10  # of 19
STANDARD_INPUT = 0


def main() -> None:
    if hasattr(os, "nice"):  # not on Windows
        os.nice(NICENESS)
    threading.Thread(target=_end_with_server, daemon=True).start()
    from fastnst.cli import main as run_command

    run_command()


def _end_with_server() -> None:
    # Not sys.stdin: Python cannot exit while a thread waits in it.
    while os.read(STANDARD_INPUT, 1024):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
