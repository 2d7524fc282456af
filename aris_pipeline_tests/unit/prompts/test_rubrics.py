from pathlib import Path

import pytest

from aris_pipeline.errors import ConfigError
from aris_pipeline.prompts import Rubric, load_rubric, new_rubric
from aris_pipeline.prompts.frames import static_text
from aris_pipeline.prompts.rubrics import SHIPPED_RUBRICS

SHIPPED = (SHIPPED_RUBRICS / "aris-swe-v1.yaml").read_text(encoding="utf-8")


def _own(folder: Path, text: str, name: str = "mine") -> Path:
    (folder / f"{name}.yaml").write_text(text.replace("id: aris-swe-v1", f"id: {name}"))
    return folder


def test_the_shipped_rubric_has_the_four_criteria_and_five_recommendations(rubric: Rubric) -> None:
    assert [c.name for c in rubric.criteria] == ["education", "company", "trajectory", "role"]
    assert rubric.recommendations == ("Strong Yes", "Yes", "Maybe", "No", "Strong No")
    assert rubric.probability_columns[0] == "p_strong_yes"


def test_a_users_directory_comes_before_the_shipped_rubrics(tmp_path: Path) -> None:
    changed = SHIPPED.replace("reason_chars: 52", "reason_chars: 30")
    (tmp_path / "aris-swe-v1.yaml").write_text(changed)
    assert load_rubric("aris-swe-v1", tmp_path).reason_chars == 30


def test_a_shipped_rubric_is_found_beside_a_users_directory(tmp_path: Path) -> None:
    assert load_rubric("aris-swe-v1", tmp_path).id == "aris-swe-v1"


def test_yes_and_no_need_no_quotes(tmp_path: Path) -> None:
    unquoted = SHIPPED.replace('"Yes"', "Yes").replace('"No"', "No")
    assert load_rubric("mine", _own(tmp_path, unquoted)).recommendations[1] == "Yes"


def test_a_comment_does_not_change_the_digest_and_a_word_does(
    tmp_path: Path, rubric: Rubric
) -> None:
    (tmp_path / "aris-swe-v1.yaml").write_text(f"# a remark\n{SHIPPED}")
    assert load_rubric("aris-swe-v1", tmp_path).digest == rubric.digest
    (tmp_path / "aris-swe-v1.yaml").write_text(SHIPPED.replace("Be critical", "Be kind"))
    assert load_rubric("aris-swe-v1", tmp_path).digest != rubric.digest


def test_an_unknown_rubric_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="did you mean 'aris-swe-v1'"):
        load_rubric("aris-swe-1")


@pytest.mark.parametrize("name", ["../secrets", "openai", ""])
def test_a_name_that_is_no_rubric_id_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="no rubric"):
        load_rubric(name)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ratings:", "rating:", r"mine\.yaml.*rating: .*did you mean 'ratings'"),
        ("name: company", "name: education", "more than once: education"),
        ("name: company", "name: score", "exist already: score"),
        ("name: company", "name: p_yes", "exist already: p_yes"),
        ("name: company", "name: text", "exist already: text"),
        ("name: company", "name: grounded_elsewhere", "exist already: grounded_elsewhere"),
        ("name: company", "name: Company name", r"criteria\.2\.name"),
        ("reason_chars: 52", "reason_chars: many", "reason_chars: Input should be a valid integer"),
        ("{profile}", "here", "user_turn must contain {profile} exactly once"),
        ("id: mine", "id: MINE", "'MINE' is no id of a rubric: use small letters"),
        ("id: mine", "id: openai", "'openai' is no id of a rubric"),
        ("id: mine", "id: other", "id is 'other' but the file name says 'mine'"),
        ("id: mine", "id: [", "not readable YAML"),
        ("id: mine", "id: mine\nratings: [A, B]", "'ratings' stands twice"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_file_and_field(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    folder = _own(tmp_path, SHIPPED)
    text = (folder / "mine.yaml").read_text()
    (folder / "mine.yaml").write_text(text.replace(old, new))
    with pytest.raises(ConfigError, match=message):
        load_rubric("mine", folder)


def test_a_new_rubric_may_not_have_the_id_of_a_shipped_one() -> None:
    assert "id: mine-v1\n" in new_rubric("mine-v1")
    with pytest.raises(ConfigError, match="'aris-swe-v2' is a shipped rubric"):
        new_rubric("aris-swe-v2")


def test_a_changed_copy_has_a_digest_of_its_own(rubric: Rubric) -> None:
    assert rubric.model_copy(update={"title": "other"}).digest != rubric.digest


def test_the_user_turn_in_other_words_is_no_part_of_the_digest_and_a_turned_scale_is(
    rubric: Rubric,
) -> None:
    assert rubric.user_turns
    assert rubric.model_copy(update={"user_turns": ()}).digest == rubric.digest
    assert rubric.model_copy(update={"worst_first": True}).digest != rubric.digest


def test_a_scale_from_worst_to_best_changes_only_the_order_in_the_prompt(rubric: Rubric) -> None:
    turned = static_text(rubric.model_copy(update={"worst_first": True}), use_example=False)

    assert "Recommendations, worst to best: Strong No, No, Maybe, Yes, Strong Yes." in turned
    plain = static_text(rubric, use_example=False)
    assert len(plain.splitlines()) == len(turned.splitlines())
    assert (
        sum(
            one != other for one, other in zip(plain.splitlines(), turned.splitlines(), strict=True)
        )
        == 2
    )


def test_each_wording_of_the_user_turn_shows_the_profile_once(rubric: Rubric) -> None:
    with pytest.raises(ValueError, match="user_turns must contain"):
        Rubric.model_validate(rubric.model_dump() | {"user_turns": ["Judge."]})
