"""The loop of a run, and what it goes on from."""
