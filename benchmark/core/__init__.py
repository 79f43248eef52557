"""The verbs: each stage reads records and writes records; `run.py` is all of them in order."""
