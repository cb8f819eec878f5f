"""The dashboard for the people who act on segments: what the champion says, and how to use it.

Modules named after a page only show; what they show is made by plain functions beside them.
"""
