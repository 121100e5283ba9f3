"""A run and a search on the disk: which folder, which files, who owns it, how far it is, what came of it."""
