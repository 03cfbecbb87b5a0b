"""What people look at: figures and the page that shows them."""

from resqunn.lab.report.page import write_report

__all__ = ["write_report"]
