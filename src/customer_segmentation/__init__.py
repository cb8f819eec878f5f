"""Decide how to segment customers, and put the decision to work."""
