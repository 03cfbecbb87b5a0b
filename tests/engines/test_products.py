"""Linear maps of many networks, beside torch's in double precision and beside each alone."""

import pytest
import torch

from resqunn.engines.compiled.products import linear, linear_by_rows, linear_by_weights


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("rows", "members", "values", "features"),
    [(16, 5, 10, 784), (7, 3, 4, 33), (3, 2, 3, 130), (1, 1, 2, 5), (9, 4, 1, 64)],
)
def test_linear_maps_and_their_derivatives(
    dtype: torch.dtype, rows: int, members: int, values: int, features: int
) -> None:
    generator = torch.Generator().manual_seed(features)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    x, c = drawn(rows, members, features), drawn(rows, members, values)
    # As parameters lie in memory: each member's part with a gap behind it.
    w = drawn(members, values * features + 16)[:, : values * features]
    w, b = w.unflatten(1, (values, features)), drawn(members, values + 3)[:, :values]
    found = linear(x, w, b), linear_by_rows(c, x, w), *linear_by_weights(c, x, w)
    xd, wd, cd = x.double(), w.double(), c.double()
    expected = (
        torch.einsum("bmd,mkd->bmk", xd, wd) + b.double(),
        torch.einsum("bmk,mkd->bmd", cd, wd),
        torch.einsum("bmk,bmd->mkd", cd, xd),
        cd.sum(0),
    )
    atol = features * (1e-6 if dtype is torch.float32 else 1e-15)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == dtype
        assert torch.allclose(ours.double(), theirs, rtol=0, atol=atol)
    for m in range(members):
        own_x, own_c = (each[:, m : m + 1].contiguous() for each in (x, c))
        own_w, own_b = w[m : m + 1].clone(), b[m : m + 1].clone()
        assert torch.equal(linear(own_x, own_w, own_b)[:, 0], found[0][:, m])
        assert torch.equal(linear_by_rows(own_c, own_x, own_w)[:, 0], found[1][:, m])
        by_weights, by_biases = linear_by_weights(own_c, own_x, own_w)
        assert torch.equal(by_weights[0], found[2][m])
        assert torch.equal(by_biases[0], found[3][m])
