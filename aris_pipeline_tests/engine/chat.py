"""What a user says, as the demo model's chat template has it."""

from aris_pipeline.models import find_model, load_tokenizer

CARD = find_model("smollm2-135m-instruct")


def ids(text: str) -> list[int]:
    """Returns the token ids of a user's message, with the opening of the answer."""
    tokens: list[int] = load_tokenizer(CARD).apply_chat_template(
        [{"role": "user", "content": text}],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=False,
    )
    return tokens
