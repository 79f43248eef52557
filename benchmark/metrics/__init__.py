"""Metrics: one class a file, named in `plugins.METRICS`."""
