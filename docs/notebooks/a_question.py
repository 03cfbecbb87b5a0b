# %% [markdown]
# # A question and its verdict
#
# Does it help to train the quantum layer? One run of each answers nothing: the next seed may come
# out the other way. An `Inquiry` says what is compared, over which seeds, and what would count as
# an answer, before anything is trained. Then the runs are made, and the verdict follows by a rule.

# %%
import matplotlib.pyplot
from matplotlib.figure import Figure

from resqunn.lab import Inquiry, Question, open_results, run, write_report

# %% [markdown]
# ## The question
#
# Six classes of digits, one quantum layer that gives a single channel, and a linear head. Three
# networks: the layer trained; the layer frozen at its random weights; and the head alone on the
# pixels. Twelve seeds each.
# `delta` is the smallest difference that matters, here two points of accuracy.

# %%
inquiry = Inquiry(
    title="Does training the layer help on digits?",
    data="digits",
    split="validation",
    epoch="last",
    seeds=12,
    delta=0.02,
    network={
        "wiring": "none",
        "ansatz": "strongly_entangling",
        "depths": (3,),
        "readout": "mean_z",
        "classes": 6,
        "per_class": 40,
        "epochs": 15,
        "learning_rate": 0.02,
    },
    networks={
        "trained": {},
        "frozen": {"control": "frozen"},
        "pixels": {"control": "no_circuit"},
    },
    question=[
        Question(
            "Training the layer helps.", "better", this="trained", than="frozen"
        ),
        Question(
            "The layer beats no layer.", "better", this="trained", than="pixels"
        ),
    ],
)
plan = inquiry.plan()
print(len(plan.runs), "runs")

# %% [markdown]
# ## The runs
#
# Those that are alike are trained together. Stopped at any moment, the same call goes on; more
# seeds may follow later, and none is made again.

# %%
finished = run(plan, "results/digits")
results = finished.results
print(len(finished.failed), "failed")

# %% [markdown]
# ## The verdict
#
# It is *supported*, *in direction*, *contradicted* or *undecided*, by an interval of the median
# over seeds. Differences are taken seed by seed.

# %%
results

# %%
for claim in results.claims:
    (row,) = claim.variants[0].measured
    low, high = (100 * end for end in row.stats.interval)
    median, ahead = 100 * row.stats.median, row.beyond
    print(f"{claim.statement:26} median {median:+.1f} points,")
    print(f"{'':26} interval {low:+.1f} to {high:+.1f},")
    print(f"{'':26} ahead by more than delta in {ahead.count} of {ahead.of}")

# %% Each seed as a dot: the accuracy of the networks, and the differences that were asked about
figure = Figure(figsize=(5.2, 5), layout="constrained")
upper, lower = figure.subplots(2, 1)
for row, series in enumerate(results.studies[0].series):
    values = [
        100 * value for value in series.final["validation_accuracy"].values
    ]
    upper.plot(values, [row] * len(values), "o", color="#0f766e", alpha=0.5)
upper.set_yticks(
    range(3), [series.label for series in results.studies[0].series]
)
upper.set_xlabel("accuracy on validation images, %")
for row, claim in enumerate(results.claims):
    stats = claim.variants[0].measured[0].stats
    low, high = (100 * end for end in stats.interval)
    lower.plot(
        [low, high],
        [row, row],
        color="#d9a066",
        linewidth=9,
        solid_capstyle="butt",
    )
    lower.plot(
        [100 * value for value in stats.values],
        [row] * len(stats.values),
        "o",
        color="#0f766e",
        alpha=0.5,
    )
    lower.plot(100 * stats.median, row, "|", color="black", markersize=22)
    lower.text(
        0.01, row - 0.3, claim.verdict, transform=lower.get_yaxis_transform()
    )
lower.axvline(0, color="0.6", linewidth=1)
lower.axvline(100 * inquiry.delta, color="0.6", linewidth=1, linestyle=":")
lower.set_yticks(
    range(2), [f"trained - {name}" for name in ("frozen", "pixels")]
)
lower.set_ylim(1.5, -0.6)
upper.set_ylim(2.5, -0.6)
lower.set_xlabel("difference, points")
figure

# %% [markdown]
# Dots are seeds, the bar is the interval of the median, and the dotted line is `delta`.
#
# ## The page
#
# `write_report` writes one page with the question, the verdict, every seed and every number. The
# folder can be read again at any time.

# %%
page = write_report("results/digits")
print(page.name, "of", round(page.stat().st_size / 1000), "kB")
results = open_results("results/digits")
print([claim.verdict for claim in results.claims])

# %% [markdown]
# The same question can be a file, `resqunn study question.toml`; several processes share the runs
# with `--workers`. [How a question is judged](../usage.md#how-a-question-is-judged) gives the
# rules, and about how many seeds decide.
