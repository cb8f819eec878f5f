"""Purchase history: lines of a shop's sales become a customer table.

The work is DuckDB's, so that a file may be larger than memory.
"""

from customer_segmentation.transactions.lines import Lines, open_lines
from customer_segmentation.transactions.loading import load, read_again

__all__ = ["Lines", "load", "open_lines", "read_again"]
