"""What a reader sees of a run: one HTML page, one screen of text, one JSON document."""

from research.report.document import to_json
from research.report.html import write_report
from research.report.terminal import print_summary

__all__ = ["print_summary", "to_json", "write_report"]
