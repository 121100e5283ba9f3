"""Tensors in, tensors out: what several methods compute with, and random numbers as functions of what they are for."""
