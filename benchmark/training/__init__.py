"""Training adapters, on transformers + peft + trl. `sft.train` is the one entry point."""
