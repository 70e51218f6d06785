"""`python -m evoact`: the command line."""

from evoact.cli import main

main()
