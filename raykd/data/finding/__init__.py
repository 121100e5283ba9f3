"""From a path to a data set as it stands in a recipe: what is there, what is chosen for it, and both in a few lines."""

from raykd.data.finding.find import find_data
from raykd.data.finding.found_data import FoundData

__all__ = ["FoundData", "find_data"]
