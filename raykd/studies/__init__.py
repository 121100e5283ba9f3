"""What a search searches: a recipe, its ranges and choices, the baselines, and published experiments."""
