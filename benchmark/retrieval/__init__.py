"""What resembles a question: documents cut into passages, two ways to search, a budget of text."""
