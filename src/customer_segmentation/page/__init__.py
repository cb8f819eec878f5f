"""Pages for people who read no code: one HTML file each, nothing loaded from anywhere."""

from customer_segmentation.page.run_page import run
from customer_segmentation.page.sweep_page import sweep

__all__ = ["run", "sweep"]
