"""What then happens: the judge of every plan."""
