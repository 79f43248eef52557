"""Data sets: one class a file, named in `plugins.DATASETS`."""
