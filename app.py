"""The page: `python app.py`, then open the address it prints.

The server answers at once; the network is loaded while it does. GRADIO_SERVER_NAME and
GRADIO_SERVER_PORT say where it listens, like the options.
"""

import sys

from fastnst.ui.serve import main

if __name__ == "__main__":
    sys.exit(main())
