"""Pictures: pure functions from tables and numbers to a matplotlib Figure."""
