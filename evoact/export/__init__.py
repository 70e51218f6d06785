"""Expressions as files that need no evoact: source, state, pt2 and others, see `FORMATS`.

Every file is read back and compared with what was scored before it is put in
its place.
"""

from evoact.export.extract import expression_of
from evoact.export.files import DEFAULT, FORMATS, export
from evoact.export.package import write_package
from evoact.export.parity import ExportError, check_parity
from evoact.export.source import standalone_source
from evoact.export.state import STATE_VERSION, load_state, write_state

__all__ = [
    "DEFAULT",
    "FORMATS",
    "STATE_VERSION",
    "ExportError",
    "check_parity",
    "export",
    "expression_of",
    "load_state",
    "standalone_source",
    "write_package",
    "write_state",
]
