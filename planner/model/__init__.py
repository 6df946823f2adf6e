"""Frozen documents: the scenario, the plan, the manifest."""
