"""Training adapters, on transformers + peft + trl. `run.train` is the one entry point."""
