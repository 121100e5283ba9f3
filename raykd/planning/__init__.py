"""A study from what one has: pictures, a teacher and a student; what is not said is chosen from what is there."""
