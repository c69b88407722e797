"""Names and lists of names that users give."""


def listed(text: str | None) -> list[str]:
    """ "a,b" -> ["a", "b"]; nothing -> []."""
    return [part.strip() for part in (text or "").split(",") if part.strip()]
