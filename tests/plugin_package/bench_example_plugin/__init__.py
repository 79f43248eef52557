"""A metric, a reporter and a backend for bench."""
