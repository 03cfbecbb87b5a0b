"""Networks side by side give what each gives alone, to the same bits whoever stands beside it."""

import itertools

import pytest
import torch
from torch import Tensor, nn

from resqunn import LinearHead, QuantumHead, Quanv2d, ResQuNN, paper_model
from resqunn.nn.side_by_side import SideBySide, shape_of

KINDS = list(itertools.product(("linear", "quantum"), (True, False), (True, False)))


def networks(*seeds: int, **options: object) -> list[ResQuNN]:
    made = []
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        model = paper_model("(X+O1)+O2", classes=3, generator=generator, **options)
        model(torch.rand(1, 1, 11, 11, dtype=model.layers[0].weight.dtype))
        made.append(model)
    return made


def mixed(images: Tensor) -> Tensor:
    """(M, B, ...) as (B M, ...)."""
    return images.transpose(0, 1).flatten(0, 1).contiguous()


def scores_and_gradients(
    members: list[ResQuNN], images: Tensor, cotangents: Tensor
) -> list[Tensor]:
    """Of each member: scores, then the gradients of its weights."""
    network = SideBySide(members)
    scores = network(mixed(images))
    scores.backward(mixed(cotangents))
    for joined in network.joined:
        joined.hand_on()
    found = scores.detach().view(images.shape[1], len(members), -1).unbind(1)
    gradients = [torch.cat([p.grad.flatten() for p in m.parameters()]) for m in members]
    return [torch.cat([s.flatten(), g]) for s, g in zip(found, gradients, strict=True)]


@pytest.mark.parametrize(("head", "reupload", "cut"), KINDS)
def test_scores_and_gradients_are_those_of_each_network(
    head: str, reupload: bool, cut: bool
) -> None:
    options = {"head": head, "reupload": reupload, "input_gradients": not cut}
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(4, 5, 1, 11, 11, generator=generator)
    cotangents = torch.rand(4, 5, 3, generator=generator)
    alone = networks(0, 1, 2, 3, **options)
    together = scores_and_gradients(networks(0, 1, 2, 3, **options), images, cotangents)
    for model, x, g, found in zip(alone, images, cotangents, together, strict=True):
        scores = model(x)
        scores.backward(g)
        parts = [scores.detach(), *(p.grad for p in model.parameters())]
        expected = torch.cat([part.flatten() for part in parts])
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("head", ["linear", "quantum"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_networks_bits_do_not_depend_on_what_stands_beside_it(
    head: str, dtype: torch.dtype
) -> None:
    generator = torch.Generator().manual_seed(2)
    for batch in (1, 33):
        images = torch.rand(9, batch, 1, 11, 11, generator=generator).to(dtype)
        cotangents = torch.rand(9, batch, 3, generator=generator).to(dtype)
        whole = scores_and_gradients(
            networks(*range(9), head=head, dtype=dtype), images, cotangents
        )
        for chosen in ([4], [8, 0], [2, 7, 5, 1, 3]):
            members = networks(*chosen, head=head, dtype=dtype)
            few = scores_and_gradients(members, images[chosen], cotangents[chosen])
            same = [torch.equal(whole[k], f) for k, f in zip(chosen, few, strict=True)]
            assert all(same), (batch, chosen)


def test_weights_are_shared_with_the_members() -> None:
    members = networks(0, 1, 2)
    before = [model(torch.ones(2, 1, 11, 11)).detach() for model in members]
    network = SideBySide(members)
    images = torch.ones(6, 1, 11, 11)
    found = network(images).view(2, 3, -1)
    torch.testing.assert_close(list(found.unbind(1)), before)
    with torch.no_grad():
        members[1].head.bias.add_(1.0)
        members[1].load_state_dict(members[2].state_dict())
    found = network(images).view(2, 3, -1)
    assert torch.equal(found[:, 1], found[:, 2])
    assert not torch.equal(found[:, 0], found[:, 1])


def test_what_no_gradient_reaches_has_none() -> None:
    members = networks(0, 1, input_gradients=False, trainable=False)
    network = SideBySide(members)
    network(torch.rand(4, 1, 11, 11)).sum().backward()
    for joined in network.joined:
        joined.hand_on()
    for model in members:
        assert [p.grad is None for p in model.parameters()] == [True, True, False, False]


def test_a_nan_stays_with_its_network() -> None:
    images, cotangents = torch.rand(3, 4, 1, 11, 11), torch.rand(3, 4, 3)
    whole = scores_and_gradients(networks(0, 1, 2), images, cotangents)
    images[1] = float("nan")
    spoiled = scores_and_gradients(networks(0, 1, 2), images, cotangents)
    assert torch.equal(whole[0], spoiled[0])
    assert torch.equal(whole[2], spoiled[2])
    assert spoiled[1].isnan().any()


class Own(Quanv2d):
    """A layer of somebody else's."""


def hooked(model: ResQuNN) -> ResQuNN:
    model.layers[0].register_forward_hook(lambda *_: None)
    return model


def test_what_cannot_stand_side_by_side_stands_alone() -> None:
    def network(layer: nn.Module, head: nn.Module) -> ResQuNN:
        return ResQuNN([layer], "none", head)

    head = LinearHead(2, 16)
    layer = Quanv2d(1, 4, 2, 2)
    head(torch.rand(1, 16))  # takes the hook away that waits for the number of features
    assert shape_of(network(layer, head)) is not None
    for other in (
        nn.Conv2d(1, 4, 2, 2),
        Own(1, 4, 2, 2),
        Quanv2d(1, 4, 2, 2, engine="statevector"),
    ):
        assert shape_of(network(other, head)) is None
    assert shape_of(network(layer, LinearHead(2))) is None  # its weights have no shape yet
    assert shape_of(network(layer, nn.Flatten())) is None
    assert shape_of(network(layer, QuantumHead(2, engine="statevector"))) is None
    assert shape_of(hooked(network(layer, head))) is None
    assert shape_of(nn.Flatten()) is None


def test_shapes_tell_networks_apart() -> None:
    assert shape_of(networks(0)[0]) == shape_of(networks(1)[0])
    shapes = [
        shape_of(networks(0, **options)[0])
        for options in (
            {},
            {"reupload": False},
            {"depths": (3, 1)},
            {"angle_scale": 2.0},
            {"input_gradients": True},
            {"softmax": False},
            {"trainable": False},
            {"dtype": torch.float64},
            {"head": "quantum"},
            {"head": "quantum", "measured": (0, 1, 2)},
        )
    ]
    assert None not in shapes
    assert len(set(shapes)) == len(shapes)


def test_biases_groups_sums_over_channels_and_padding() -> None:
    def made(seed: int) -> ResQuNN:
        g = torch.Generator().manual_seed(seed)
        first = Quanv2d(2, 4, 2, 1, padding=1, bias=True, groups=2, readout="mean_z", generator=g)
        second = Quanv2d(4, 8, 2, 2, channel_mode="sum", dilation=2, generator=g)
        head = LinearHead(3, 8 * 7 * 7, generator=g)  # the first layer's maps are the larger ones
        with torch.no_grad():
            first.bias.uniform_(generator=g)
        return ResQuNN([first, second], "O1+O2", head, align="zero_pad_center")

    members = [made(seed) for seed in range(3)]
    images = torch.rand(3, 2, 2, 6, 6)
    expected = [model(x) for model, x in zip(members, images, strict=True)]
    assert shape_of(members[0]) is not None
    found = SideBySide(members)(mixed(images)).view(2, 3, -1).unbind(1)
    torch.testing.assert_close(list(found), expected)
