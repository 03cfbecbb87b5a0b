"""Wirings: the graph against measured gradients, and the parser against any string."""

import contextlib
import itertools
import random
import sys
import tracemalloc
from collections.abc import Callable

import pytest
import torch

from resqunn import LinearHead, Quanv2d, ResQuNN, Wiring
from resqunn.errors import ConfigurationError
from resqunn.nn.wiring import MAX_LENGTH

BATCHES = 4


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
def test_reached_layers_are_those_with_a_gradient(layers: int, form: str) -> None:
    images = torch.rand(1, 1, 2**layers, 2**layers, generator=torch.Generator().manual_seed(0))
    settings = list(itertools.product([False, True], repeat=layers))
    if form == "short" and layers == 4:  # `survey` in the tests of analysis measures the uniform
        settings = settings[5:8]
    for wiring, passes in itertools.product(Wiring.all(layers), settings):
        options = {"readout": "mean_z", "engine": "statevector", "depth": 1}
        quanv = [Quanv2d(1, 1, 2, 2, input_gradients=p, **options) for p in passes]
        for layer in quanv:
            layer.reset_parameters(torch.Generator().manual_seed(1))
        loss = ResQuNN(quanv, wiring, LinearHead(2)).features(images).square().sum()
        weights = [layer.weight for layer in quanv]
        gradients = torch.autograd.grad(loss, weights, allow_unused=True)
        flows = tuple(g is not None and bool(g.abs().max() > 1e-9) for g in gradients)
        none = tuple(g is None for g in gradients)
        assert wiring.reached(passes) == flows, (wiring, passes)
        assert none == tuple(not f for f in flows), (wiring, passes)
        if len(set(passes)) == 1:
            assert wiring.reached(passes[0]) == flows


def random_wiring(rng: random.Random, layers: int) -> Wiring:
    """A random partition: each point joins a block, or opens one."""
    blocks: list[tuple[int, ...]] = []
    for point in range(layers + 1):
        chosen = rng.randrange(len(blocks) + 1)
        if chosen == len(blocks):
            blocks.append((point,))
        else:
            blocks[chosen] += (point,)
    return Wiring(layers, tuple(blocks))


def test_parsing_and_printing_large_wirings_are_inverse(size: Callable) -> None:
    rng = random.Random(0)
    for _ in range(size(200, 20_000)):
        layers = rng.randint(7, 300)
        wiring = random_wiring(rng, layers)
        assert len(str(wiring)) <= MAX_LENGTH
        assert Wiring.parse(str(wiring), layers) == wiring


def fuzzed(rng: random.Random) -> tuple[str, int]:
    """Noise, tokens in any order, or the text of a wiring with a few characters changed."""
    layers = rng.randint(1, 6)
    kind = rng.randrange(4)
    if kind == 0:
        noise = "".join(chr(rng.randrange(1, 0x3000)) for _ in range(rng.randint(0, 12)))
        return noise, layers
    if kind == 1:
        tokens = ["X", "x", "O", "O1", "o2", "O3", "O07", "O12345", "+", "+", ",", "(", ")"]
        tokens += [" ", "\t", "\n", "none", "²", "٣", "Ｘ", "\x00", "\ud800", "-1"]
        return "".join(rng.choices(tokens, k=rng.randint(0, 14))), layers
    text = list(str(random_wiring(rng, layers)))
    for _ in range(rng.randint(0, 3) if kind == 2 else 1):
        at = rng.randrange(len(text) + 1)
        text[at : at + rng.randint(0, 2)] = rng.choices("XO0123456+,() ", k=rng.randint(0, 2))
    return "".join(text), layers


@pytest.mark.parametrize("batch", range(BATCHES))
def test_any_string_parses_or_gives_one_error(batch: int, size: Callable) -> None:
    rng = random.Random(batch)
    strings = size(20_000, 200_000) // BATCHES
    parsed = 0
    for _ in range(strings):
        text, layers = fuzzed(rng)
        try:
            wiring = Wiring.parse(text, layers)
        except ConfigurationError as error:
            message, _, caret = str(error).split("\n")
            assert message
            assert 0 <= caret.index("^") - 4 <= min(len(text), 60)
            continue
        parsed += 1
        assert wiring.layers == layers
        assert Wiring.parse(str(wiring), layers) == wiring
    assert 0.1 * strings < parsed < 0.9 * strings


LONG_TEXTS = {
    "opening": lambda n: "(" * n,
    "opening and one point": lambda n: "(" * (n - 1) + "X",
    "nested": lambda n: "(" * (n // 2) + "X" + ")" * (n // 2 - 1),
    "closing": lambda n: "X" + ")" * (n - 1),
    "blanks": lambda n: " " * n,
    "blanks inside": lambda n: "X" + " " * (n - 4) + "+O1",
    "blanks and a mistake": lambda n: "X" + " " * (n - 2) + "?",
    "digits": lambda n: "O" + "1" * (n - 1),
    "a sum": lambda n: "+".join(["X", *(f"O{k}" for k in range(1, n // 6))]),
    "blocks": lambda n: ",".join(f"O{k}" for k in range(1, n // 6)),
    "noise": lambda n: "é" * n,
}


class Watched(str):
    """A text that counts the characters that are copied out of it."""

    copied = 0

    def __getitem__(self, key: object) -> str:
        part = super().__getitem__(key)
        Watched.copied += len(part)
        return part


def effort(text: str) -> dict[str, int]:
    """What reading a text takes."""
    watched = Watched(text)
    calls = depth = deepest = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls, depth, deepest
        calls += event in ("call", "c_call")
        depth += (event == "call") - (event == "return")
        deepest = max(deepest, depth)

    def read() -> None:
        with contextlib.suppress(ConfigurationError):
            Wiring.parse(watched, layers=700)

    read()
    tracemalloc.start()
    read()
    _, held = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    Watched.copied = 0
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        read()
    finally:
        sys.setprofile(before)
    return {"calls": calls, "copied": Watched.copied, "held": held, "deepest": deepest}


@pytest.mark.parametrize("name", LONG_TEXTS)
def test_effort_grows_no_faster_than_the_text(name: str) -> None:
    shorter, longer = (effort(LONG_TEXTS[name](length)) for length in (MAX_LENGTH // 2, MAX_LENGTH))
    for kind, room in (("calls", 100), ("copied", 100), ("held", 4096)):
        assert longer[kind] <= 2.2 * shorter[kind] + room, kind
    assert longer["deepest"] == shorter["deepest"]  # nothing recurses
    assert longer["held"] < 650_000


def test_longer_strings_are_refused_unread() -> None:
    for make in LONG_TEXTS.values():
        texts = [make(MAX_LENGTH).ljust(length, "X") for length in (4001, 400_000)]
        for text in texts:
            with pytest.raises(ConfigurationError, match=f"at most {MAX_LENGTH} characters long"):
                Wiring.parse(text, 700)
        assert effort(texts[1]) == pytest.approx(effort(texts[0]), abs=1024)
