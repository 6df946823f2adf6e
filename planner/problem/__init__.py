"""The hinge: names become array axes, arrays become a plan again."""
