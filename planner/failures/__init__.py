"""Which failure states there are and how likely."""
