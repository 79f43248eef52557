"""`bench merge`: the same command as `bench adapters merge`."""

from benchmark.cli.adapters_merge import command

__all__ = ["command"]
