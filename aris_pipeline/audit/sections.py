"""Writes the sections of a profile in another order."""

_HEADINGS = ("Jobs:", "Education:", "Resume:")


def in_another_order(profile: str) -> str:
    """Returns a profile with skills and education before the jobs, if it has two of these.

    The lines before the sections stay first, and the resume's text stays last. All other text is in
    lines of its own, so that no text of a candidate can pass for a heading.

    Args:
        profile: the text of a prompt, with ids before its lines or without.
    """
    before, mark, resume = f"\n{profile}".partition("\nResume:\n")
    blocks: dict[str, list[str]] = {"": []}
    name = ""
    for line in before.split("\n"):
        if line in _HEADINGS:
            name = line
        elif line.removeprefix("S ").startswith("Skills: "):
            name = "Skills:"
        blocks.setdefault(name, []).append(line)
    order = ("", "Skills:", "Education:", "Jobs:")
    lines = [line for name in order for line in blocks.get(name, ())]
    return ("\n".join(lines) + mark + resume)[1:]
