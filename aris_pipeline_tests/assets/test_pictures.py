from aris_pipeline.charts import projection_curve
from aris_pipeline.defs.pictures import picture


def test_the_ui_shows_a_picture_in_its_place_and_can_say_what_it_is() -> None:
    png = projection_curve({"req_s": 2.0, "load_s": 3.0})
    assert png is not None

    shown = picture(png, "hours by rows").value

    assert shown is not None
    assert shown.startswith("![hours by rows](data:image/png;base64,iVBORw0KGgo")
    assert shown.endswith(")")
