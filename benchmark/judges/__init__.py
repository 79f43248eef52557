"""Fallible opinions on answers. One class a file; registered in `plugins.JUDGES`."""
