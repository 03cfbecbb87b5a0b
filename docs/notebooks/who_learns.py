# %% [markdown]
# # Who learns?
#
# Put two quantum convolutions one after the other, train them, and ask afterwards which of them
# has learned. In much code for quanvolutional networks the first layer's gradient is `None`. This
# page shows where that comes from, what residual connections do about it, and what the true
# derivative does.

# %%
import matplotlib.pyplot
import torch

from resqunn import (
    Quanv2d,
    Wiring,
    gradient_flow,
    paper_model,
    plot_gradient_flow,
)
from resqunn.lab import TrainConfig, plot_learning_curves, train

# %% [markdown]
# ## A derivative that is cut
#
# A layer has two derivatives: by its weights, which change the layer itself, and by its input,
# through which the layers before it learn. Code that copies the input out of torch's graph loses
# the second one. `input_gradients=False` does that on purpose.

# %%
for kept in (True, False):
    generator = torch.Generator().manual_seed(0)
    first = Quanv2d(1, 4, 2, 2, generator=generator)
    second = Quanv2d(
        4, 16, 2, 2, groups=4, input_gradients=kept, generator=generator
    )
    images = torch.rand(4, 1, 8, 8, generator=generator)
    second(first(images)).square().sum().backward()
    for name, layer in (("first", first), ("second", second)):
        gradient = layer.weight.grad
        found = "None" if gradient is None else f"of norm {gradient.norm():.3f}"
        print(f"input_gradients={kept!s:5}  {name:6} layer: gradient {found}")

# %% [markdown]
# ## Five wirings
#
# A wiring says which outputs are added: `O1+O2` gives the head the sum of both layers' outputs,
# `X+O1` adds the image to the first output before the second layer reads it. These are the five
# wirings of two layers in the ResQuNN paper ([arXiv:2402.09146](https://arxiv.org/abs/2402.09146)).
# `gradient_flow` measures the gradient of every layer on a batch.

# %% Norms of the gradients of two layers under five wirings, with derivatives cut and true
images = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))
labels = torch.tensor([3, 1, 4, 1])


def flows(input_gradients):
    found = {}
    for wiring in Wiring.all(layers=2):
        generator = torch.Generator().manual_seed(0)
        model = paper_model(
            str(wiring), input_gradients=input_gradients, generator=generator
        )
        found[str(wiring)] = gradient_flow(model, images, labels)
    return found


found = {
    f"{wiring}, {title}": flow
    for title, kept in {"cut": False, "true": True}.items()
    for wiring, flow in flows(kept).items()
}
plot_gradient_flow(found)

# %% [markdown]
# With cut derivatives the first layer has a path to the loss only where its output is added
# behind the second layer: *none* is a layer that no path leads to. With true derivatives every
# layer has one. `Wiring` says the same without numbers:

# %%
for wiring in Wiring.all(layers=2):
    cut = wiring.reached(input_gradients=False)
    true = wiring.reached(input_gradients=True)
    print(f"{wiring!s:10} cut: {cut}   true: {true}")

# %% [markdown]
# ## Does it matter?
#
# A layer without a gradient stays as it was drawn: a fixed random filter. Whether the network is
# worse for it is another question, and one for training. Here are two networks without residual
# connections, from the same weights, on four classes of digits; one has its derivatives cut.

# %% Accuracy by epoch of a network with cut and with true derivatives
options = {
    "wiring": "none",
    "classes": 4,
    "depths": (2, 2),
    "epochs": 12,
    "learning_rate": 0.02,
}
runs = {
    name: train(TrainConfig(input_gradients=kept, **options), f"runs/{name}")
    for name, kept in {"cut": False, "true": True}.items()
}
plot_learning_curves(runs)

# %%
for name, run in runs.items():
    norms = run.epochs[0].gradient_norms
    shown = ", ".join(
        f"{k} {v if v is None else round(v, 3)}" for k, v in norms.items()
    )
    best = 100 * run.best.validation_accuracy
    print(f"{name:4}  best validation accuracy {best:.1f} %")
    print(f"      norms in the first epoch: {shown}")

# %% [markdown]
# One seed decides nothing: the next run may come out the other way. [A question and its
# verdict](a_question.md) asks such a question over many seeds, and
# [the page on the paper](../replication.md) says what is known of the five wirings.
