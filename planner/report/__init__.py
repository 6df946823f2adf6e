"""What to look at: tables, charts and maps."""
