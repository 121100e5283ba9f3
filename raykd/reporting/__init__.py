"""What a person sees of a run: TensorBoard, progress, one line that keeps itself current."""
