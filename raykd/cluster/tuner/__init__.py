"""All that bends Ray Tune."""
