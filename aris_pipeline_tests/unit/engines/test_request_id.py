import pytest

from aris_pipeline.engines import RequestId


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (RequestId("k"), "k"),
        (RequestId("k", 2), "k@2"),
        (RequestId("k", node=0), "k#0"),
        (RequestId("k", 3, 11), "k@3#11"),
    ],
)
def test_a_request_s_name_is_read_as_it_was_written(name: RequestId, text: str) -> None:
    assert str(name) == text
    assert RequestId.parse(text) == name
    assert name.row == RequestId("k", name.attempt)
