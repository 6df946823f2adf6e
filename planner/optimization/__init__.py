"""What to do: integer replicas, shares and orders, with a proof."""
