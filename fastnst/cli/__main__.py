"""`python -m fastnst.cli`."""

from fastnst.cli import main

main()
