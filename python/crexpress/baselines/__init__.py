"""Simple methods that a network must beat."""
