"""What PyTorch's own tests ask of a module, asked of every layer and head.

One row a module (`module_table.py`); the checks are those of `test_modules.py`,
`test_parametrization.py` and `test_functional_call` that apply to a layer.
"""

import copy
import io
import pickle

import pytest
import torch
from nn.module_table import MODULES, TABLE, batch, gradients, made
from torch import Tensor, nn
from torch.nn.utils import parametrize, prune
from torch.optim.swa_utils import AveragedModel

from resqunn import LinearHead, Quanv1d, Quanv2d, Quanv3d, ResQuNN
from resqunn.errors import ShapeError


@MODULES
def test_memory_formats(name: str) -> None:
    module, images = made(name), batch(name)
    expected = module(images)
    others = [torch.stack([images] * 2, -1)[..., 0], images.flip(0)[[2, 1, 0]]]
    last = {4: torch.channels_last, 5: torch.channels_last_3d}.get(images.ndim)
    if last is not None:
        others.append(torch.empty_like(images, memory_format=last).copy_(images))
    for other in others:
        other.requires_grad_()
        found = module(other)
        assert torch.allclose(found, expected, rtol=0, atol=1e-6)
        found.sum().backward()
        assert other.grad.isfinite().all()
    if last is not None:
        assert found.is_contiguous(memory_format=last)


@MODULES
def test_case_28_meta_construction(name: str) -> None:
    expected = made(name)
    with torch.device("meta"):
        by_context = made(name)
    for module in (by_context, made(name, device="meta"), made(name).to("meta")):
        assert all(parameter.is_meta for parameter in module.parameters())
        assert module(batch(name).to("meta")).shape == expected(batch(name)).shape
        module.to_empty(device="cpu").load_state_dict(expected.state_dict())
        assert torch.equal(module(batch(name)), expected(batch(name)))
        if hasattr(module, "reset_parameters"):
            module.reset_parameters(torch.Generator().manual_seed(2))
            assert not torch.equal(module(batch(name)), expected(batch(name)))


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [(Quanv1d, (1, 2, 2)), (Quanv2d, (1, 4, 2)), (Quanv3d, (1, 8, 2)), (LinearHead, (3, 8))],
)
def test_construction_without_initial_values(kind: type[nn.Module], arguments: tuple) -> None:
    made = nn.utils.skip_init(kind, *arguments)
    assert made.weight.device.type == "cpu"
    made.load_state_dict(kind(*arguments).state_dict())


def test_weights_in_channels_last_and_their_limit() -> None:
    module, images = made("Quanv2d, sum"), batch("Quanv2d, sum")
    expected = module(images)
    assert torch.equal(module.to(memory_format=torch.channels_last)(images), expected)
    assert not module.weight.is_contiguous()
    assert module(images).is_contiguous()
    # torch asks this of every weight of four or five axes.
    with pytest.raises(RuntimeError, match="required rank 5"):
        made("Quanv3d, sum").to(memory_format=torch.channels_last_3d)


@pytest.mark.parametrize("used", [False, True])
def test_lazy_construction(used: bool) -> None:
    waiting = LinearHead(3, generator=torch.Generator().manual_seed(0))
    ready = LinearHead(3, 8, generator=torch.Generator().manual_seed(0))
    features = torch.rand(2, 2, 4)
    if used:
        waiting(features)
    assert waiting.has_uninitialized_params() is not used
    for same in (waiting, copy.deepcopy(waiting), pickle.loads(pickle.dumps(waiting))):
        assert torch.equal(same(features), ready(features))
    waiting.load_state_dict(LinearHead(3, 8).state_dict())


@MODULES
def test_state_dicts(name: str) -> None:
    module, other = made(name), TABLE[name][0]()
    state, images = module.state_dict(), batch(name)
    kept = io.BytesIO()
    torch.save(state, kept)
    kept.seek(0)
    assert other.load_state_dict(torch.load(kept), strict=True) == ([], [])
    assert torch.equal(other(images), module(images))
    assigned = TABLE[name][0](device="meta")
    assigned.load_state_dict(state, assign=True)
    assert torch.equal(assigned(images), module(images))
    first = next(iter(state))
    assert assigned.get_parameter(first).data_ptr() == state[first].data_ptr()
    with pytest.raises(RuntimeError, match="Unexpected key"):
        other.load_state_dict(state | {"more": torch.zeros(1)})
    with pytest.raises(RuntimeError, match="Missing key"):
        other.load_state_dict({key: value for key, value in state.items() if key != first})
    found = other.load_state_dict(state | {"more": torch.zeros(1)}, strict=False)
    assert found.unexpected_keys == ["more"]
    with pytest.raises(RuntimeError, match="size mismatch"):
        other.load_state_dict(state | {first: torch.zeros(1, 7)})


class Half(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return weight / 2

    def right_inverse(self, weight: Tensor) -> Tensor:
        return 2 * weight


@MODULES
def test_parametrizations(name: str) -> None:
    module, images = made(name), batch(name)
    expected = module(images)
    part = module.layers[0] if isinstance(module, ResQuNN) else module
    parametrize.register_parametrization(part, "weight", Half())
    assert torch.allclose(module(images), expected, rtol=0, atol=1e-6)
    module(images).square().sum().backward()
    assert part.parametrizations.weight.original.grad.abs().sum() > 0
    with parametrize.cached():
        module(images)
    parametrize.remove_parametrizations(part, "weight")
    assert torch.allclose(module(images), expected, rtol=0, atol=1e-6)
    normed = nn.utils.parametrizations.weight_norm(part)
    assert torch.allclose(module(images), expected, rtol=0, atol=1e-5)
    assert isinstance(normed.weight, Tensor)


@MODULES
def test_hooks(name: str) -> None:
    module, images, seen = made(name), batch(name).requires_grad_(), []
    expected = module(images).detach()
    module.register_forward_pre_hook(lambda _, given: seen.append("before") or (given[0] * 1,))
    module.register_forward_hook(lambda _, given, values: seen.append("after") or values * 2)
    module.register_full_backward_pre_hook(lambda _, cotangents: seen.append("pre"))
    module.register_full_backward_hook(lambda _, of_inputs, of_outputs: seen.append("back"))
    next(module.parameters()).register_hook(lambda gradient: seen.append("weight"))
    found = module(images)
    found.sum().backward()
    assert torch.allclose(found, 2 * expected)
    assert sorted(seen) == ["after", "back", "before", "pre", "weight"]


@MODULES
def test_per_sample_gradients(name: str) -> None:
    module, images = made(name, dtype=torch.float64), batch(name, dtype=torch.float64)
    parameters = {key: value.detach() for key, value in module.named_parameters()}

    def loss(parameters: dict[str, Tensor], image: Tensor) -> Tensor:
        return torch.func.functional_call(module, parameters, image[None]).square().sum()

    at_once = torch.func.vmap(torch.func.grad(loss), (None, 0))(parameters, images)
    for number, image in enumerate(images):
        module.zero_grad()
        module(image[None]).square().sum().backward()
        for key, gradient in gradients(module).items():
            assert torch.allclose(at_once[key][number], gradient, rtol=0, atol=1e-10)


@MODULES
def test_ensembles(name: str) -> None:
    members = [TABLE[name][0](dtype=torch.float64) for _ in range(3)]
    images = batch(name, dtype=torch.float64)
    stacked, buffers = torch.func.stack_module_state(members)
    blank = made(name, device="meta", dtype=torch.float64)

    def values(parameters: dict[str, Tensor], images: Tensor) -> Tensor:
        return torch.func.functional_call(blank, parameters, images)

    assert buffers == {}
    found = torch.func.vmap(values, (0, None))(stacked, images)
    expected = torch.stack([member(images) for member in members])
    assert torch.allclose(found, expected, rtol=0, atol=1e-10)


@MODULES
def test_copies_and_pickles(name: str) -> None:
    module, images = made(name), batch(name)
    module(images).sum().backward()
    kept = io.BytesIO()
    torch.save(module, kept)
    kept.seek(0)
    whole = torch.load(kept, weights_only=False)
    for same in (copy.deepcopy(module), pickle.loads(pickle.dumps(module)), whole):
        assert torch.equal(same(images), module(images))
        assert repr(same) == repr(module)
        first, other = next(module.parameters()), next(same.parameters())
        assert first.data_ptr() != other.data_ptr()


@MODULES
def test_modes_and_moves(name: str) -> None:
    module, images = made(name), batch(name)
    expected = module(images)
    assert torch.equal(module.eval()(images), expected)
    assert torch.equal(module.train().share_memory()(images), expected)
    double = copy.deepcopy(module).double()(images.double())
    assert torch.allclose(double.float(), expected, rtol=0, atol=1e-5)
    vector = nn.utils.parameters_to_vector(module.parameters())
    nn.utils.vector_to_parameters(vector, module.parameters())
    assert torch.equal(module(images), expected)
    module.requires_grad_(False)
    assert not module(images).requires_grad
    with torch.inference_mode():
        assert torch.equal(module(images), expected)
    assert module(images[:0]).shape == (0, *expected.shape[1:])


@MODULES
def test_ensembles_are_trained_at_once(name: str) -> None:
    members = [TABLE[name][0](dtype=torch.float64) for _ in range(2)]
    images = torch.stack([batch(name, dtype=torch.float64), 1 - batch(name, dtype=torch.float64)])
    stacked, _ = torch.func.stack_module_state(members)
    blank = made(name, device="meta", dtype=torch.float64)

    def loss(parameters: dict[str, Tensor], images: Tensor) -> Tensor:
        return torch.func.functional_call(blank, parameters, images).square().sum()

    at_once = torch.func.vmap(torch.func.grad(loss))(stacked, images)
    for number, member in enumerate(members):
        member(images[number]).square().sum().backward()
        for key, gradient in gradients(member).items():
            assert torch.allclose(at_once[key][number], gradient, rtol=0, atol=1e-10)


@MODULES
def test_hooks_of_states(name: str) -> None:
    module, other, seen = made(name), TABLE[name][0](), []
    module.register_state_dict_pre_hook(lambda *_: seen.append("before"))
    module.register_state_dict_post_hook(lambda _, state, *__: state.update(more=torch.ones(1)))
    other.register_load_state_dict_pre_hook(lambda _, state, *__: state.pop("more"))
    other.register_load_state_dict_post_hook(lambda *_: seen.append("loaded"))
    other.load_state_dict(module.state_dict())
    assert torch.equal(other(batch(name)), module(batch(name)))
    assert seen == ["before", "loaded"]


@MODULES
def test_pruning_clipping_and_averaging(name: str) -> None:
    module, images = made(name), batch(name)
    average = AveragedModel(module)
    average.update_parameters(module)
    assert torch.equal(average(images), module(images))
    module(images).square().sum().backward()
    nn.utils.clip_grad_norm_(module.parameters(), 1e-3)
    norm = torch.cat([g.flatten() for g in gradients(module).values()]).norm()
    assert norm <= 1.001e-3
    part = module.layers[0] if isinstance(module, ResQuNN) else module
    prune.random_unstructured(part, "weight", 0.5)
    pruned = module(images)
    pruned.square().sum().backward()
    prune.remove(part, "weight")
    assert (part.weight == 0).sum() == round(part.weight.numel() / 2)
    assert torch.equal(module(images), pruned)


@MODULES
@pytest.mark.parametrize("way", ["swap", "overwrite"])
def test_conversions_by_swapping_and_overwriting(name: str, way: str) -> None:
    module, images = made(name), batch(name)
    expected = copy.deepcopy(module).double()(images.double())
    which = f"set_{way}_module_params_on_conversion"
    getattr(torch.__future__, which)(True)
    try:
        module.double().load_state_dict(module.state_dict())
        assert torch.equal(module(images.double()), expected)
    finally:
        getattr(torch.__future__, which)(False)


def test_lazy_heads_on_meta() -> None:
    moved = LinearHead(3).to("meta")  # which torch makes of no shape for ever
    with pytest.raises(ShapeError, match=r"weight must have shape \(3, features\), got \(0,\)"):
        moved(torch.rand(2, 8, device="meta"))
    waiting = LinearHead(3, device="meta")
    assert waiting(torch.rand(2, 2, 4, device="meta")).shape == (2, 3)
    ready = LinearHead(3, 8)
    waiting.to_empty(device="cpu").load_state_dict(ready.state_dict())
    assert torch.equal(waiting(torch.ones(2, 8)), ready(torch.ones(2, 8)))
