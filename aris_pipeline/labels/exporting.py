"""Exports labeled rows as chats in OpenAI's form, for few-shot prompts and fine-tuning."""

import json
from collections.abc import Iterator

import polars as pl

from aris_pipeline.labels.importing import newest_labels
from aris_pipeline.labels.population import Population
from aris_pipeline.storage import DataStore, Prompts, Shard, read_table


def labeled_chats(store: DataStore, population: Population) -> Iterator[str]:
    """Yields a JSON line for each labeled candidate: its prompt, and people's labels as the answer.

    The answer is a JSON object of the labels alone: people give no reasons. Of several raters'
    labels for one criterion the newest is taken.
    """
    scales = population.scales
    labels: dict[str, dict[str, str]] = {}
    for row in newest_labels(store, population.batch.name).iter_rows(named=True):
        if row["label"] in scales.get(row["criterion"], ()):
            labels.setdefault(row["custom_id"], {})[row["criterion"]] = row["label"]
    for shard in Shard.all_of(population.batch):
        path = store.prompts(population.judge, shard)
        if not path.exists():
            continue
        rows = read_table(
            path, Prompts, hint="materialize prompts", columns=["custom_id", "messages"]
        )
        for who, messages in rows.filter(pl.col("custom_id").is_in(list(labels))).iter_rows():
            said = {name: labels[who][name] for name in scales if name in labels[who]}
            answer = {"role": "assistant", "content": json.dumps(said)}
            yield json.dumps({"messages": [*json.loads(messages), answer]})
