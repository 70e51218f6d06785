"""Let PyPI's torchvision be imported beside a torch for the CPU.

Its wheel for Linux is built for CUDA: beside a torch without it the compiled
operators do not load, and the import fails for want of the schema of `nms`,
also that of lightning, timm and transformers, which import torchvision where
there is one. `make` runs this after it has installed the tools of the tests.
Where torchvision can be imported nothing is done; elsewhere each process of
the environment defines the two schemas before it imports torchvision.
Networks for classification need no more.
"""

import subprocess
import sys
import sysconfig
from pathlib import Path

NAME = "_torchvision_schemas"
HOOK = '''\
"""Written by evoact's tests/mend_torchvision.py: defines the schemas of torchvision's nms."""

import sys


class BeforeTorchvision:
    """Finds nothing, but is asked first."""

    libraries = []

    def find_spec(self, name, path=None, target=None):
        if name == "torchvision":
            sys.meta_path.remove(self)
            import torch

            library = torch.library.Library("torchvision", "FRAGMENT")
            for operator in ("nms", "qnms"):
                library.define(
                    f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
                )
            self.libraries.append(library)  # what is defined goes with it


sys.meta_path.insert(0, BeforeTorchvision())
'''


def imports() -> bool:
    """Return whether a new process can import torchvision; this one could not be asked twice."""
    command = [sys.executable, "-c", "import torchvision"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def main() -> None:
    """Mend the environment of this Python, if it needs it."""
    if imports():
        return
    packages = Path(sysconfig.get_path("purelib"))
    (packages / f"{NAME}.py").write_text(HOOK)
    (packages / f"{NAME}.pth").write_text(f"import {NAME}\n")
    if not imports():
        sys.exit("torchvision cannot be imported; see python -c 'import torchvision'")


if __name__ == "__main__":
    main()
