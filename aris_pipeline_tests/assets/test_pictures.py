from aris_pipeline.charts import batch_progress
from aris_pipeline.defs.pictures import picture


def test_the_ui_shows_a_picture_in_its_place_and_can_say_what_it_is() -> None:
    png = batch_progress({"s000": 2.0})
    assert png is not None

    shown = picture(png, "rows per second by shard").value

    assert shown is not None
    assert shown.startswith("![rows per second by shard](data:image/png;base64,iVBORw0KGgo")
    assert shown.endswith(")")
