import pytest

from aris_pipeline.evaluations.agreement import Agreement, _wilson


def test_the_interval_is_wilsons() -> None:
    # The worked example of Newcombe (1998), Statistics in Medicine 17, table I: 15 of 148.
    assert _wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=1e-4)


def test_nothing_missed_in_a_small_sample_does_not_prove_that_nothing_was_missed() -> None:
    low, high = _wilson(0, 20)
    assert (low, high) == pytest.approx((0, 0.1611), abs=1e-4)


def test_an_agreement_says_what_it_is_made_of() -> None:
    assert str(Agreement(10, 40, 1, 0.78, 0.1, 0.98)) == (
        "78% of the top 10 (95 %: 10% to 98%; 1 of 40 sampled rows were missed)"
    )
