"""Renders the page: one HTML file that loads nothing and runs no script but its own.

All text is escaped by Jinja, the table's rows are JSON that the script writes as text, and the
page's policy allows only the style and the script whose digests it names.
"""

import base64
import hashlib
import re
from functools import cache
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

_FILES = "templates"
_SHADES = 4


def render(content: dict[str, Any], template: str = "report.html") -> str:
    """Returns a page as HTML.

    Args:
        content: what the template shows, by name.
        template: of the page.
    """
    return _environment().get_template(template).render(content)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("aris_pipeline.reports", _FILES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "ensure_ascii": False}
    environment.filters |= {"count": _count, "share": _share, "words": _words}
    environment.globals |= {
        "style": _inline("report.css"),
        "script": _inline("report.js"),
        "label_script": _inline("label.js"),
        "digest": _digest,
        "shade": _shade,
        "picture": _picture,
    }
    return environment


def _inline(name: str) -> Markup:
    """Returns a file of ours as it is; nothing of a candidate is in it."""
    text = resources.files("aris_pipeline.reports").joinpath(_FILES, name).read_text("utf-8")
    return Markup(text)  # noqa: S704 - a file of the package


def _digest(text: str) -> str:
    """Returns what a content security policy calls an inline style or script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _picture(svg: bytes) -> str:
    """Returns a picture as an address: so its style and ids cannot reach the page."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"


def _shade(place: int, options: int) -> int:
    """Returns the color of an option of a scale: 0 the best, 4 the worst."""
    return round(place * _SHADES / max(options - 1, 1))


def _count(number: int) -> str:
    return f"{number:,}"


def _share(number: float) -> str:
    return f"{number:.1%}"


def _words(name: str) -> str:
    """Returns a column's name as words."""
    return re.sub(r"[_-]+", " ", name)
