"""Capacity and latency planning for an API on Kubernetes clusters in several regions."""
