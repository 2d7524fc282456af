"""Pictures in the metadata of a materialization."""

import base64

import dagster as dg


def picture(png: bytes, alt: str) -> dg.MarkdownMetadataValue:
    """Returns a PNG as Markdown, which the UI shows in place.

    Args:
        png: the image; it goes into the event log as it is, so it should be small.
        alt: what the image shows, for those who cannot see it.
    """
    return dg.MetadataValue.md(f"![{alt}](data:image/png;base64,{base64.b64encode(png).decode()})")
