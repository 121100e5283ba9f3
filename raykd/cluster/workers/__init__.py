"""The groups of workers that train trials, one after the other."""
