-- The ranked candidates of all batches and judges, each with its place in its own batch.
create or replace view ranking as
select batch, rubric, model, * exclude (batch, rubric, model) from candidate_ranking;

-- Valid verdicts that a person should look at; review_reasons is null where a version before 0.3.0
-- judged, which did not say whom: any of them may be such a verdict.
create or replace view review_queue as
select
    e.batch, e.rubric, e.model, e.shard, r.rank, e.custom_id,
    e.recommendation, e.score, e.confidence, e.review_reasons,
    e.contradictions, e.ungrounded, e.overall_reason
from evaluations as e
left join candidate_ranking as r
    on (r.batch, r.rubric, r.model, r.custom_id) = (e.batch, e.rubric, e.model, e.custom_id)
where e.is_valid and (e.review_reasons is null or len(e.review_reasons) > 0);

-- Rows that have no verdict, with the reason; triaged rows have none on purpose and are left out.
create or replace view failed as
select
    e.batch, e.rubric, e.model, e.shard, e.custom_id, c.file, c.line,
    e.invalid_reason, e.invalid_detail
from evaluations as e
left join raw_candidates as c using (batch, shard, custom_id)
where not e.is_valid and e.invalid_reason <> 'triaged';
