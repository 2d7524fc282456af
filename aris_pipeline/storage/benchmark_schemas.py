"""The columns of the benchmark tables; see `aris_pipeline.storage.schemas` for all others."""

import dataframely as dy


class BenchmarkRuns(dy.Schema):
    """One row an arm and block of a benchmark run; no text of candidates or models."""

    run_id = dy.String(description="Names the run: when it began, and its suite.")
    suite = dy.String(description="What was compared: engines, compare or seed-ab.")
    started_at = dy.Datetime(time_zone="UTC", description="When the run began.")
    arm = dy.String(description="The contestant: engine or peer, with its model.")
    position = dy.Int32(description="Place of the arm in the declaration; 0 is what others follow.")
    engine = dy.String(description="Engine kind, or the name of a peer that is no engine of ours.")
    model = dy.String(description="Short name of the model.")
    status = dy.String(description="measured, failed, pending or does_not_fit.")
    reason = dy.String(nullable=True, description="Why nothing was measured.")
    block = dy.Int32(nullable=True, description="Which repetition, from 1.")
    turn = dy.Int32(nullable=True, description="Place of the block among all of the run, from 1.")
    workload = dy.String(description="What was asked, in words.")
    workload_digest = dy.String(
        description="Digest of what was asked, whatever the model; only equal ones compare."
    )
    rows = dy.Int64(description="Requests of a block.")
    schema_on = dy.Bool(description="Whether answers had to follow a JSON schema.")
    fixed_lengths = dy.Bool(description="Whether all answers had the same length (ignore_eos).")
    random_weights = dy.Bool(description="Whether the model had random weights: speed only.")
    temperature = dy.Float64(nullable=True, description="Of sampling.")
    seed = dy.Int64(description="Of the order of the blocks, and of synthetic prompts.")
    loading = dy.String(description="in_turn (closed for another engine's turn), or in_block.")
    prefix_cache = dy.String(description="Whether it was emptied before the block.")
    warm_up_rows = dy.Int32(description="Rows asked before the block, to warm the arm up.")
    load_s = dy.Float64(nullable=True, description="Seconds of the load that the block used.")
    processing_s = dy.Float64(
        nullable=True, description="Seconds from the first request to the last answer."
    )
    total_s = dy.Float64(nullable=True, description="load_s and processing_s together.")
    rows_ok = dy.Int64(nullable=True, description="Rows that were answered without an error.")
    rows_valid = dy.Int64(
        nullable=True, description="Rows whose answer is complete and follows its schema."
    )
    success_rate = dy.Float64(nullable=True, description="rows_ok / rows.")
    valid_rate = dy.Float64(nullable=True, description="rows_valid / rows.")
    prompt_tokens = dy.Int64(nullable=True, description="Prompt tokens of answered rows.")
    cached_tokens = dy.Int64(
        nullable=True, description="Prompt tokens from the prefix cache, where the arm tells."
    )
    output_tokens = dy.Int64(nullable=True, description="Output tokens of answered rows.")
    req_s = dy.Float64(nullable=True, description="Answered rows per second of processing.")
    output_tok_s = dy.Float64(nullable=True, description="Output tokens per second.")
    total_tok_s = dy.Float64(nullable=True, description="Prompt and output tokens per second.")
    latency_p50_s = dy.Float64(nullable=True, description="Median latency, where the arm tells.")
    latency_p95_s = dy.Float64(nullable=True, description="95th percentile of the latency.")
    prefix_hit_rate = dy.Float64(nullable=True, description="cached_tokens / prompt_tokens.")
    preemptions = dy.Int64(nullable=True, description="Requests set back for want of KV cache.")
    cpu_percent = dy.Float64(nullable=True, description="Mean use of the host's cores, 0 to 100.")
    rss_peak_gib = dy.Float64(
        nullable=True, description="Highest resident memory of all processes of the run, in GiB."
    )
    gpu_memory_peak_gib = dy.Float64(nullable=True, description="Highest GPU memory, in GiB.")
    gpu_utilization = dy.Float64(nullable=True, description="Mean GPU utilization, 0 to 100.")
    gpu_energy_wh = dy.Float64(nullable=True, description="Energy that the GPUs took, in Wh.")
    differences = dy.String(
        description="Declared differences between arms as JSON text: precision, context, memory."
    )
    engine_version = dy.String(nullable=True, description="Engine and version.")
    host = dy.String(description="Processor and number of cores; no name of a machine.")
    gpu = dy.String(nullable=True, description="GPU name.")
    driver = dy.String(nullable=True, description="Version of the GPU driver.")
    versions = dy.String(description="Versions of the packages that matter, as JSON text.")
    git_commit = dy.String(nullable=True, description="Commit that was measured; + if changed.")


class BenchmarkAnswers(dy.Schema):
    """What the answers of a benchmark run were worth: one row a measure; no text."""

    run_id = dy.String(description="The benchmark run.")
    arm = dy.String(description="The contestant.")
    engine = dy.String(description="Engine kind or peer.")
    model = dy.String(description="Short name of the model.")
    measure = dy.String(description="agreement, kappa, flip_rate, gold_agreement or gold_kappa.")
    criterion = dy.String(description="Property of the answer that was compared.")
    against = dy.String(nullable=True, description="The other arm; null for flips and gold labels.")
    value = dy.Float64(
        nullable=True, description="Null where it is undefined, such as kappa without variety."
    )
    low = dy.Float64(nullable=True, description="Lower end of the 95 % interval over rows.")
    high = dy.Float64(nullable=True, description="Upper end of the 95 % interval over rows.")
    rows = dy.Int64(description="Rows that both sides have answered validly.")


class BenchmarkDecision(dy.Schema):
    """One row a candidate of the newest comparison: how it scores, and who wins."""

    decided_at = dy.Datetime(time_zone="UTC", description="When the newest of the runs began.")
    workload = dy.String(description="What was asked, in words.")
    host = dy.String(description="Processor and number of cores.")
    gpu = dy.String(nullable=True, description="GPU name.")
    rank = dy.Int32(description="1 is the winner.")
    engine = dy.String(description="Engine kind, as --engine takes it.")
    model = dy.String(description="Short name of the model.")
    score = dy.Float64(description="Weighted sum of the four scores, 0 to 1.")
    score_low = dy.Float64(
        nullable=True, description="Lower end of its 95 % interval; null with one block."
    )
    score_high = dy.Float64(nullable=True, description="Upper end of its 95 % interval.")
    throughput_score = dy.Float64(description="Rate, as a share of the best.")
    total_time_score = dy.Float64(description="Least total time, as a share of this one's.")
    quality_score = dy.Float64(description="Mean of the quality measures that there are.")
    flexibility_score = dy.Float64(description="As declared, with reasons.")
    req_s = dy.Float64(description="Answered rows per second, mean over blocks.")
    total_s = dy.Float64(description="Load and processing, mean over blocks, in seconds.")
    clear = dy.Bool(description="Whether the winner's interval lies above all others.")
    one_run = dy.Bool(description="Whether all candidates were measured in the same run.")
    run_id = dy.String(description="Run that measured the candidate.")


class EngineTuning(dy.Schema):
    """One row a trial of engine settings, of the latest tuning by model, hardware and vLLM."""

    run_id = dy.String(description="The benchmark run that holds the blocks of all trials.")
    started_at = dy.Datetime(time_zone="UTC", description="When that run began.")
    model = dy.String(description="Short name of the model.")
    model_id = dy.String(description="Hugging Face id or directory.")
    hardware = dy.String(description="GPU name, or the processor where there is no GPU.")
    vllm = dy.String(description="Version of vLLM: another one has other defaults.")
    trial = dy.String(description="What was changed, in words.")
    settings = dy.String(description="What was changed, as JSON text.")
    status = dy.String(description="measured or failed.")
    reason = dy.String(nullable=True, description="Why it failed, or why it may not be chosen.")
    random_weights = dy.Bool(description="Whether the model had random weights: speed only.")
    load_s = dy.Float64(nullable=True, description="Seconds to load the model.")
    req_s = dy.Float64(nullable=True, description="Rows per second, mean over blocks.")
    output_tok_s = dy.Float64(nullable=True, description="Output tokens per second.")
    ratio = dy.Float64(nullable=True, description="req_s to that of the defaults, by block.")
    ratio_low = dy.Float64(nullable=True, description="Lower end of its 95 % interval.")
    ratio_high = dy.Float64(nullable=True, description="Upper end of its 95 % interval.")
    valid_rate = dy.Float64(nullable=True, description="Share of valid answers.")
    agreement = dy.Float64(
        nullable=True,
        description="Share of rows with the defaults' verdict, of the criterion with the lowest.",
    )
    admissible = dy.Bool(description="Whether it leaves the verdicts alone.")
    chosen = dy.Bool(description="Whether later runs use it: the fastest admissible one.")
