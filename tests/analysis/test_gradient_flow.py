"""Gradient flow against the graph's reachability and against independent derivatives."""

import pytest
import torch
from torch import nn

from resqunn import LinearHead, Quanv2d, ResQuNN, Wiring, gradient_flow, paper_model
from resqunn.analysis.gradient_flow import survey
from resqunn.errors import ConfigurationError, ShapeError


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_measured_gradients_are_those_of_the_graph(layers: int) -> None:
    found = list(survey(layers))
    assert [wiring for wiring, _, _ in found] == list(Wiring.all(layers))
    for wiring, cut, true in found:
        expected = tuple("flows" if r else "none" for r in wiring.reached(False))
        assert cut.statuses == expected, wiring
        assert true.reaches_all, wiring
    full = [str(wiring) for wiring, cut, _ in found if cut.reaches_all]
    assert len(full) == 2
    if layers == 3:
        assert full == ["(O1+O2)+O3", "((X+O1)+O2)+O3"]


def test_all_wirings_of_a_survey_start_from_the_same_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []

    def flow(model: ResQuNN, *_: torch.Tensor) -> None:
        seen.append(torch.cat([layer.weight.detach().flatten() for layer in model.layers]))

    monkeypatch.setattr("resqunn.analysis.gradient_flow.gradient_flow", flow)
    assert len(list(survey(2))) == 5
    assert len(seen) == 10
    assert all(torch.equal(weights, seen[0]) for weights in seen)


@pytest.mark.parametrize("head", ["linear", "quantum"])
def test_the_head_does_not_matter(head: str) -> None:
    images, labels = torch.rand(4, 1, 28, 28), torch.tensor([0, 1, 2, 3])
    for wiring in Wiring.all(2):
        model = paper_model(wiring, head=head, classes=4)
        expected = tuple("flows" if r else "none" for r in wiring.reached(False))
        assert gradient_flow(model, images, labels).statuses == expected


def test_structurally_zero_weights_are_told_from_small_ones() -> None:
    # Read at qubit 1, an RX layer of depth 1 does not depend on the weights of qubits 2, 3.
    layer = Quanv2d(1, 1, 2, 2, ansatz="rx_chain", depth=1, readout="z1", angle_scale=1.0)
    model = ResQuNN([layer], "none", LinearHead(10))
    flow = gradient_flow(model, torch.rand(4, 1, 8, 8), torch.arange(4)).layers[0]
    assert flow.status == "flows"
    assert flow.zero.tolist() == [False, False, True, True]


def test_a_layer_whose_output_does_not_matter_is_zero_and_not_none() -> None:
    class Ignore(nn.Module):
        def forward(self, features: torch.Tensor) -> torch.Tensor:
            return 0.0 * features.flatten(1)[:, :10]

    layers = [Quanv2d(1, 1, 2, 2, readout="mean_z")]
    flow = gradient_flow(ResQuNN(layers, "none", Ignore()), torch.rand(2, 1, 8, 8), torch.arange(2))
    assert flow.statuses == ("zero",)
    assert flow.layers[0].norm == 0


@pytest.mark.parametrize("encoding", ["threshold", "basis", "neqr"])
def test_gradients_through_a_step_are_zero_and_not_none(encoding: str) -> None:
    """A path of derivatives leads through the encoding, and each is zero."""

    def statuses(wiring: str, input_gradients: bool = True) -> tuple[str, ...]:
        draw = torch.Generator().manual_seed(0)
        one = Quanv2d(1, 1, 2, 2, readout="mean_z", generator=draw)
        two = Quanv2d(
            1, 1, 2, 2, encoding=encoding, readout="mean_z", generator=draw,
            input_gradients=input_gradients,
        )  # fmt: skip
        model = ResQuNN([one, two], wiring, LinearHead(4))
        images = torch.rand(4, 1, 8, 8, generator=draw)
        return gradient_flow(model, images, torch.arange(4)).statuses

    assert statuses("none") == ("zero", "flows")
    assert statuses("O1+O2") == ("flows", "flows")  # around the encoding
    assert statuses("none", input_gradients=False) == ("none", "flows")


def test_the_gradient_is_that_of_finite_differences() -> None:
    model = paper_model(
        "X+O1",
        input_gradients=True,
        dtype=torch.float64,
        generator=torch.Generator().manual_seed(1),
    )
    images = torch.rand(3, 1, 28, 28, dtype=torch.float64)
    labels = torch.tensor([3, 1, 4])
    flow = gradient_flow(model, images, labels)
    weight = model.layers[0].weight
    for index in range(weight.numel()):
        losses = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                weight.view(-1)[index] += step
                losses.append(nn.functional.cross_entropy(model(images), labels))
                weight.view(-1)[index] -= step
        slope = (losses[0] - losses[1]) / 2e-5
        assert torch.isclose(flow.layers[0].gradient[index], slope, rtol=1e-4, atol=1e-9)


def test_the_model_is_left_alone_and_frozen_layers_show_what_they_would_get() -> None:
    model = paper_model("O1+O2", trainable=False)
    images, labels = torch.rand(2, 1, 28, 28), torch.tensor([0, 1])
    before = {key: value.clone() for key, value in model.state_dict().items() if "head" not in key}
    flow = gradient_flow(model, images, labels)
    assert flow.statuses == ("flows", "flows")
    for key, value in before.items():
        assert torch.equal(model.state_dict()[key], value)
    assert all(p.grad is None and p.dtype == torch.float32 for p in model.parameters())
    assert not model.layers[0].weight.requires_grad


def test_it_prints_as_a_table_and_as_json_values() -> None:
    model = paper_model("X+O2")
    flow = gradient_flow(model, torch.rand(2, 1, 28, 28), torch.tensor([0, 1]))
    header, first, second = str(flow).splitlines()
    assert header.split() == ["layer", "status", "norm", "weights", "that", "flow"]
    assert first.split() == ["O1", "none", "-", "-"]
    assert second.startswith("O2     flows")
    assert second.endswith("4 of 4")
    as_dict = flow.layers[1].as_dict()
    assert as_dict["norm"] == pytest.approx(torch.tensor(as_dict["gradient"]).norm().item())


def test_any_module_with_quanvolutional_layers_will_do() -> None:
    model = nn.Sequential(Quanv2d(1, 4, 2, 2), nn.Flatten(), nn.Linear(64, 3))
    flow = gradient_flow(model, torch.rand(2, 1, 8, 8), torch.tensor([0, 1]))
    assert flow.statuses == ("flows",)
    with pytest.raises(ConfigurationError, match="must have a quanvolutional layer"):
        gradient_flow(
            nn.Sequential(nn.Flatten(), nn.Linear(64, 3)),
            torch.rand(2, 1, 8, 8),
            torch.tensor([0, 1]),
        )


@pytest.mark.parametrize("around", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_what_is_around_the_call_makes_no_difference(around: type) -> None:
    model = paper_model("X+O2", generator=torch.Generator().manual_seed(0))
    with around():
        images, labels = torch.rand(4, 1, 28, 28), torch.arange(4, dtype=torch.int32)
        assert gradient_flow(model, images, labels).statuses == ("none", "flows")


def test_the_model_stays_as_it_is() -> None:
    layer, norm = Quanv2d(1, 4, 2, 2), nn.BatchNorm2d(4)
    model = nn.Sequential(layer, norm, nn.Flatten(), nn.Linear(16, 3), nn.Dropout())
    model.train()
    model[4].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert gradient_flow(model, torch.rand(2, 1, 4, 4), torch.arange(2)).statuses == ("flows",)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert [module.training for module in model] == [True, True, True, True, False]
    assert layer.weight.grad is None
    waiting = ResQuNN([Quanv2d(1, 4, 2, 2)], "none", LinearHead(3))
    gradient_flow(waiting, torch.rand(2, 1, 4, 4), torch.arange(2))
    assert waiting.head.has_uninitialized_params()


def test_one_row_of_a_batch_is_never_normalised_alone() -> None:
    model = nn.Sequential(Quanv2d(1, 4, 2), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 3))
    assert gradient_flow(model, torch.rand(2, 1, 2, 2), torch.arange(2)).statuses == ("flows",)


def test_layers_that_are_not_called_or_called_twice() -> None:
    class Chosen(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.unused = (Quanv2d(1, 1, 2, readout="mean_z") for _ in range(2))
            self.head = LinearHead(3)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.head(self.used(self.used(images)))

    flow = gradient_flow(Chosen(), torch.rand(2, 1, 4, 4), torch.arange(2))
    assert flow.statuses == ("flows", "none")


def test_any_loss_will_do() -> None:
    model = nn.Sequential(Quanv2d(1, 4, 2, 2, dtype=torch.float64), nn.Flatten())
    images, targets = torch.rand(3, 1, 2, 2, dtype=torch.float64), torch.rand(3, 4)
    flow = gradient_flow(model, images, targets, loss=nn.functional.mse_loss).layers[0]
    nn.functional.mse_loss(model(images), targets.double()).backward()
    assert torch.allclose(flow.gradient, model[0].weight.grad.flatten(), rtol=1e-9)
    # A module's own tensors are taken in float64 too, and the module stays as it is.
    weighted = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 3.0, 4.0]))
    labels = torch.tensor([0, 1, 3])
    found = gradient_flow(model, images, labels, weighted).layers[0]
    assert weighted.weight.dtype == torch.float32
    model.zero_grad()
    weighted.double()(model(images), labels).backward()
    assert torch.allclose(found.gradient, model[0].weight.grad.flatten(), rtol=1e-9)
    constant = gradient_flow(model, images, labels, lambda scores, _: (0 * scores).sum())
    assert constant.statuses == ("zero",)


@pytest.mark.parametrize("loss", [lambda scores, _: scores, lambda *_: 1.0])
def test_a_loss_gives_one_number(loss) -> None:
    with pytest.raises(ConfigurationError, match="loss must give one number, got"):
        gradient_flow(paper_model("none"), torch.rand(2, 1, 8, 8), torch.tensor([0, 1]), loss)


def test_labels_of_the_cross_entropy_are_classes() -> None:
    model, images = paper_model("none"), torch.rand(2, 1, 8, 8)
    for labels, message in (
        (torch.rand(2), "must be class indices"),
        (torch.tensor([[0], [1]]), "must be class indices"),
        (torch.tensor([0, 10]), "labels of 10 classes must be 0 to 9, got 0 to 10"),
        (torch.tensor([0]), "got 1 labels and 2 images"),
    ):
        with pytest.raises(ShapeError, match=message):
            gradient_flow(model, images, labels)
