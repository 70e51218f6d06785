"""Networks and parts of networks for a `UserTask.model`, with an activation of choice."""

from evoact.tasks.backbones.trees import BinaryTree

__all__ = ["BinaryTree"]
