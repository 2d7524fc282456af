-- The ranked candidates of all batches and judges, each with its place in its own batch.
create or replace view ranking as
select batch, rubric, model, * exclude (batch, rubric, model) from candidate_ranking;

-- Valid verdicts that a person should look at; `why` lists the reasons.
create or replace view review_queue as
with judged as (
    select
        e.batch, e.rubric, e.model, e.shard, r.rank, e.custom_id,
        e.recommendation, e.score, e.confidence,
        [reason for reason in [
            case when r.disagrees then 'disagrees' end,
            case when len(e.contradictions) > 0 then 'contradictory' end,
            case when e.grounding = 'ungrounded' then 'ungrounded' end,
            case when e.suspected_instructions then 'suspected_instructions' end,
            case when e.shortened then 'shortened' end,
            case
                when list_has_any(json_keys(c.overrides), ['longer', 'reseeded', 'shortened'])
                    then 'repaired'
            end
        ] if reason is not null] as why,
        e.contradictions, e.ungrounded, e.overall_reason
    from evaluations as e
    left join candidate_ranking as r
        on (r.batch, r.rubric, r.model, r.custom_id) = (e.batch, e.rubric, e.model, e.custom_id)
    left join completions as c
        on (c.batch, c.rubric, c.model, c.shard) = (e.batch, e.rubric, e.model, e.shard)
        and (c.custom_id, c.request_key) = (e.custom_id, e.request_key)
    where e.is_valid
)
select * from judged where len(why) > 0;

-- Rows that have no verdict, with the reason; triaged rows have none on purpose and are left out.
create or replace view failed as
select
    e.batch, e.rubric, e.model, e.shard, e.custom_id, c.file, c.line,
    e.invalid_reason, e.invalid_detail
from evaluations as e
left join raw_candidates as c using (batch, shard, custom_id)
where not e.is_valid and e.invalid_reason <> 'triaged';
