"""A process among those that train together."""
