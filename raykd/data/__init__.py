"""Data sets: three disjoint splits, and views of them that every trial shares.

A source is a frozen dataclass in a file of its own, whose `load()` gives a `Dataset`: train, validation (taken from
the training images by a fixed seed; what a search sees) and test (read once, for the final report). The images lie
on the device as bytes, or stay in their files where they are too many. Augmentation runs on the device, batch by
batch. The view of image i in epoch e is a function of (data seed, e, i) alone: the same in every trial, on every
rank, in every order.
"""

from raykd.data.dataset import Batch, Dataset, DataSpec, load
from raykd.data.views.augmentation import Augmentation
from raykd.data.views.decoding import Files, Frame
from raykd.data.views.resized_crop import ResizedCrop
from raykd.data.views.splits import Split, channel_statistics, cut

__all__ = [
    "Augmentation",
    "Batch",
    "DataSpec",
    "Dataset",
    "Files",
    "Frame",
    "ResizedCrop",
    "Split",
    "channel_statistics",
    "cut",
    "load",
]
