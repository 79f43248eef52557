"""What answers prompts. One class a file; registered in `plugins.BACKENDS`."""
