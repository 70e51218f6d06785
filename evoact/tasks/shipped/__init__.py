"""Shipped tasks that are classes, as those of users: with data, model and measures of their own."""

from evoact.tasks.shipped.characters import Characters
from evoact.tasks.shipped.cifar import Cifar10, Cifar100
from evoact.tasks.shipped.cones import Cones
from evoact.tasks.shipped.deep import Deep
from evoact.tasks.shipped.equations import Burgers, Equation, Heat
from evoact.tasks.shipped.image import Image
from evoact.tasks.shipped.synthetic import Compositional, Rings
from evoact.tasks.shipped.tables import BreastCancer, Diabetes, Rows, Wine

__all__ = [
    "BreastCancer",
    "Burgers",
    "Characters",
    "Cifar10",
    "Cifar100",
    "Compositional",
    "Cones",
    "Deep",
    "Diabetes",
    "Equation",
    "Heat",
    "Image",
    "Rings",
    "Rows",
    "Wine",
]
