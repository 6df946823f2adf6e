"""How federation controllers turn weights into replicas: pure arithmetic, no model."""
