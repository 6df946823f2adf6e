"""Whole studies: the steps put together, builder and judge side by side."""
