"""How images are seen: decoded, augmented, cropped, split."""
