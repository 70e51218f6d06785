"""The command line: `evoact search`, `resume`, `top`, `show`, `export`, `ui`."""

from evoact.cli.main import main

__all__ = ["main"]
