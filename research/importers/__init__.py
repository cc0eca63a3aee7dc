"""Importers: from recordings as people publish them to the catalog's tables.

>>> from research.importers import import_path
>>> report = import_path("recordings/", "data/recorded")        # doctest: +SKIP
"""

from research.importers.load import ImportReport, TableReport, import_path
from research.importers.recording import Imported, Recording
from research.importers.recordings import RECORDINGS

__all__ = ["RECORDINGS", "ImportReport", "Imported", "Recording", "TableReport", "import_path"]
