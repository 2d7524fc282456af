import json

import pytest

from aris_pipeline.benchmarks.cpu_stages import instant_answers
from aris_pipeline.completions import AnswerParser
from aris_pipeline.prompts import answer_schema, load_rubric
from aris_pipeline.prompts.rubrics import SHIPPED_RUBRICS


@pytest.mark.parametrize("rubric", [file.stem for file in sorted(SHIPPED_RUBRICS.glob("*.yaml"))])
def test_the_stand_in_for_an_engine_gives_valid_answers(rubric: str) -> None:
    schema = answer_schema(load_rubric(rubric))
    parser = AnswerParser(json.dumps(schema))
    answers = instant_answers(schema)
    assert {parser.parse(answer, "stop").invalid_reason for answer in answers} == {None}
    assert len(set(answers)) == len(answers)
