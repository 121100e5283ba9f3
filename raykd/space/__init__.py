"""What may be changed in a recipe and within which ranges, how a recipe stands in a file, what its fields may hold."""
