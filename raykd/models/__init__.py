"""Networks, one family a file: plain functions and specs that give `Staged` networks.

A model stands in a recipe as a frozen dataclass, a `raykd.protocols.model.ModelSpec`, so that its size can be searched
and its exact form be saved; `build` makes the network. The plain module inside (`staged.network`) is what a student is
exported as.
"""
