"""What to offer to whom: preferences of segments, next best offers of customers, and their proof."""
