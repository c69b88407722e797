"""The report that people read: sections, figures, and the files beside it."""
