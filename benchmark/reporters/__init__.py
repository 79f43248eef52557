"""Views of a run: JSON, Markdown, HTML and the terminal. What they write lands in `reports/`."""
