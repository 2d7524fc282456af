"""Declares the columns of `impact`: how often people of each category are selected."""

import dataframely as dy


class Impact(dy.Schema):
    """One row a category of people and a basis of selection: counts only, nobody's own category."""

    basis = dy.String(
        description="What counts as selected: score>median (the scoring rate), recommendation>=X, "
        "top:N, triage, or assessed (not in quarantine)."
    )
    dimension = dy.String(description="Columns of the demographics, such as sex or sex,race.")
    category = dy.String(description="Their values.")
    n = dy.Int64(min=1, description="Candidates of the category.")
    selected = dy.Int64(min=0, description="Those of them who are selected.")
    rate = dy.Float64(description="selected / n.")
    ratio = dy.Float64(
        nullable=True,
        description="Impact ratio: rate / the highest rate of the dimension. Null if the category "
        "is left out of the comparison, or nobody is selected.",
    )
    low = dy.Float64(
        nullable=True,
        description="Lower end of Katz's 95 % interval of ratio; null for the highest category, "
        "and where the formula has no value.",
    )
    high = dy.Float64(nullable=True, description="Upper end.")
    fisher_p = dy.Float64(
        nullable=True,
        description="Two-sided p-value of Fisher's exact test against the highest category.",
    )
    under_2pct = dy.Bool(
        description="Whether the category has less than 2 % of the candidates whose category is "
        "known."
    )
    unknown_n = dy.Int64(
        min=0, description="Candidates whose category in this dimension is not known."
    )
