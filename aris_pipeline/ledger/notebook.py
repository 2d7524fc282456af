"""Answers five questions about a batch, in a notebook of marimo (the extra `notebook`).

`marimo run aris_pipeline/ledger/notebook.py -- --data-dir data` shows it in a browser,
`marimo edit` with the same arguments lets you change the questions.
"""

import marimo

app = marimo.App(width="full", app_title="aris: a batch in five questions")

with app.setup:
    import os

    import duckdb
    import marimo as mo
    import polars as pl

    from aris_pipeline.ledger import views_sql
    from aris_pipeline.storage import DataStore


@app.function
def shown(frame: pl.DataFrame) -> pl.DataFrame:
    """Rounds numbers, and breaks links: the table would open a picture that a text names."""
    broken = pl.col(pl.String).str.replace_all("(?i)(https?|data):", "${1}\u2060:")
    return frame.with_columns(broken, pl.col(pl.Float64).round(3))


@app.cell
def _():
    store = DataStore.at(mo.cli_args().get("data-dir") or os.environ.get("ARIS_DATA_DIR", "data"))
    database = duckdb.connect()
    database.execute(views_sql(store)[0])
    judged = database.sql(
        "select distinct batch, rubric, model from evaluations order by all desc"
    ).fetchall()
    mo.stop(not judged, mo.plain_text(f"Nothing has been judged in {store.root} yet."))
    options = {" | ".join(names): names for names in judged}
    chosen = mo.ui.dropdown(options, value=next(iter(options)), label="Batch, rubric, model")
    chosen  # noqa: B018 - marimo shows what stands last
    return chosen, database


@app.cell
def _(chosen, database):
    def answer(query: str) -> pl.DataFrame:
        """Answers a question in which $batch, $rubric and $model are those that were chosen."""
        batch, rubric, model = chosen.value
        names = {"batch": batch, "rubric": rubric, "model": model}
        given = {name: value for name, value in names.items() if f"${name}" in query}
        found: pl.DataFrame = database.sql(query, params=given).pl()
        return found

    return (answer,)


@app.cell
def _(answer):
    ranked = answer(
        "select rank, custom_id, recommendation, score, confidence,"
        " columns('.*_reason') from ranking"
        " where (batch, rubric, model) = ($batch, $rubric, $model) order by rank limit 50"
    )
    # Reasons of other rubrics are null.
    ranked = ranked.select(one.name for one in ranked if one.null_count() < max(ranked.height, 1))
    mo.vstack([mo.md("## Who is on top, and why?"), mo.ui.table(shown(ranked), selection=None)])
    return (ranked,)


@app.cell
def _(answer):
    queue = answer(
        "select array_to_string(review_reasons, ', ') as review_reasons, rank, custom_id,"
        " recommendation, score,"
        " array_to_string(contradictions, ', ') as contradictions,"
        " array_to_string(ungrounded, ', ') as ungrounded, overall_reason from review_queue"
        " where (batch, rubric, model) = ($batch, $rubric, $model) order by rank"
    )
    mo.vstack([mo.md("## What needs a look?"), mo.ui.table(shown(queue), selection=None)])
    return (queue,)


@app.cell
def _(answer):
    verdicts = answer(
        "select recommendation, count(*) as candidates, round(avg(score), 2) as mean_score,"
        " rtrim(bar(count(*), 0, sum(count(*)) over (), 40)) as share from ranking"
        " where (batch, rubric, model) = ($batch, $rubric, $model)"
        " group by recommendation order by min(rank)"
    )
    mo.vstack(
        [mo.md("## How do the verdicts spread?"), mo.ui.table(shown(verdicts), selection=None)]
    )
    return (verdicts,)


@app.cell
def _(answer):
    failures = answer(
        "select 'failed' as state, invalid_reason as reason, custom_id, file, line,"
        " invalid_detail as detail from failed"
        " where (batch, rubric, model) = ($batch, $rubric, $model)"
        " union all by name"
        " select 'quarantined' as state, rule as reason, custom_id, file, line, message as detail"
        " from quarantine where batch = $batch order by state, reason, line"
    )
    mo.vstack([mo.md("## What failed?"), mo.ui.table(shown(failures), selection=None)])
    return (failures,)


@app.cell
def _(answer):
    costs = answer(
        "select count(*) as shards, sum(rows)::bigint as rows,"
        " sum(rows_generated)::bigint as rows_generated,"
        " sum(load_s) as load_s, sum(generate_s) as generate_s, sum(predicted_s) as predicted_s,"
        " sum(rows_generated) / nullif(sum(generate_s), 0) as rows_per_s,"
        " sum(prompt_tokens)::bigint as prompt_tokens, sum(output_tokens)::bigint as output_tokens,"
        " sum(gpu_energy_wh) as gpu_energy_wh, any_value(gpu) as gpu, any_value(host) as host"
        " from throughput where (batch, rubric, model) = ($batch, $rubric, $model)"
    )
    mo.vstack([mo.md("## What did it cost?"), mo.ui.table(shown(costs), selection=None)])
    return (costs,)


if __name__ == "__main__":
    app.run()
