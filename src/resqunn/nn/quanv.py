"""`Quanv1d`, `Quanv2d` and `Quanv3d`: the quanvolutional layers."""

from __future__ import annotations

from resqunn.nn.layer import Quanv


class Quanv1d(Quanv):
    r"""A module: a quanvolutional layer over signals, with the arguments and shapes of `nn.Conv1d`.

    Everything else is as in `Quanv2d`.

    Shape:
        - input: (B, in_channels, L) or (in_channels, L)
        - output: (B, out_channels, L') or (out_channels, L')

    >>> import torch
    >>> layer = Quanv1d(2, 3, kernel_size=4, padding="same", readout="mean_z")
    >>> layer(torch.rand(16, 2, 100)).shape
    torch.Size([16, 3, 100])
    """

    rank = 1


class Quanv2d(Quanv):
    r"""A module: a quanvolutional layer with the arguments and shapes of `nn.Conv2d`.

    Each patch $x$ of the image is encoded into qubits, goes through the trainable circuit,
    and is measured; the expectation values are the output channels:

    $$y_r = \langle 0|\,U(\alpha x, \theta)^\dagger\, O_r\, U(\alpha x, \theta)\,|0\rangle$$

    with $\alpha$ = `angle_scale` (ResQuNN paper, Sec. 3.1). One circuit with its own
    weights $\theta$ is a *filter*; it gives as many channels as its readout has values:
    `"z"` one a qubit, `"z0"`, `"z1"`, ... one, `"mean_z"` one. Output channels run over
    groups, then filters, then readout values. With `channel_mode="sum"` a filter has a circuit
    for each channel $c$ that it reads, and $y_r = \sum_c y_{cr}$, as `nn.Conv2d` sums.

    Shape:
        - input: (B, in_channels, H, W) or (in_channels, H, W)
        - output: (B, out_channels, H', W') or (out_channels, H', W'), with
          $H' = \lfloor (H + 2p - d(k-1) - 1)/s \rfloor + 1$ and $W'$ likewise, in the memory
          format of the input (contiguous or `torch.channels_last`)

    Args:
        in_channels: channels of the input.
        out_channels: filters times the values of the readout.
        kernel_size, stride, dilation: int or pair.
        padding: int or pair, 0 or more, `"same"` or `"valid"`.
        groups: as in `nn.Conv2d`; `groups=in_channels` is depthwise. A filter reads
            `in_channels / groups * kh * kw` values, and an angle encoding needs as many
            qubits.
        bias: add one trained number a channel, zero at first. By default there is none, since
            with it outputs leave the range of expectation values.
        padding_mode: `"zeros"`, `"reflect"`, `"replicate"` or `"circular"`.
        encoding, ansatz, readout: a table name or an object.
        depth: ansatz layers.
        reupload: repeat the encoding before each ansatz layer.
        circuit: a `Circuit` in place of the five options above.
        channel_mode: `"joint"`, one circuit reads all channels of its group; `"sum"`, one
            circuit for each filter and input channel, with weights of its own and `kh * kw`
            values to read. Outputs are then within plus or minus `in_channels / groups`.
        angle_scale: radians for an input of 1; by default pi, or 1 for a `circuit` of one's
            own. Amplitude encoding ignores it.
        noise: channels after gates or layers and flipped bits, through which training goes as
            through the circuit: a `Noise`, or its text such as `"depolarizing=0.01,readout=0.02"`;
            None for none.
        shots: how often each circuit is run, in each basis that it is measured in; values are then
            means of that many samples, drawn anew at each call, whose expectation is the exact
            value. None for exact values.
        shot_gradient: `"exact"`, derivatives are those of the exact expectation values;
            `"parameter-shift"`, they are unbiased estimates from more samples, twice as many
            circuits for each angle of each rotation.
        shot_sampling: `"joint"`, a shot reads all qubits, of which at most 12 may be measured in
            one basis, so that channels of one circuit are correlated as they are on a device;
            `"independent"`, each product of Pauli matrices has shots of its own, which is faster.
            `engines/sampling/engine.py` says what is drawn and how.
        input_gradients: False cuts the derivative with respect to the layer's input, as in
            the paper's code: layers before this one then get no gradient through it.
        engine: `"auto"`, an engine's name, `"pennylane:DEVICE"`, or an `Engine`.
        device, dtype: of the weights; float32 or float64.
        generator: draws the initial weights; samples are drawn by `shot_generator`.

    Attributes:
        weight: (filters, \*circuit.weight_shape), in radians; for the chains
            (filters, depth, qubits). With `channel_mode="sum"` (filters, in_channels / groups,
            \*circuit.weight_shape). Drawn uniformly from [0, 2 pi), the scales of an encoding that
            is trainable too.
        bias: (out_channels,), or None.
        circuit: the `Circuit` of every filter, without noise.
        noise: a `Noise` or None; it may be set at any time, also to a text.
        engine, shots, shot_gradient, shot_sampling: as given; they may be set at any time.
        shot_generator: a `torch.Generator` that draws the samples; None at first, for torch's
            default generator, as `nn.Dropout` does. It may be set at any time, is no part of the
            `state_dict`, and goes into copies and pickles in the state that it is in.
        stride, padding, padding_mode, dilation: as given; they may be set at any time.

    Raises:
        ConfigurationError, CircuitError: for options that do not fit, when they are given or set.
        ConfigurationError: with shots, from `forward` or on the way back, for derivatives of
            derivatives, torch's transforms and tracing (`torch.vmap`, `torch.func`,
            `torch.export`, `torch.jit.trace`, forward-mode derivatives), and derivatives by
            amplitudes with `shot_gradient="parameter-shift"`.
        ShapeError: from `forward`, for images, or replaced parameters, that do not fit.

    Warns:
        UserWarning: once a process, for a batch that looks like 8-bit images
            (`resqunn.nn.raw_pixels`).

    >>> import torch
    >>> layer = Quanv2d(1, 8, kernel_size=2, stride=2)
    >>> layer(torch.rand(16, 1, 28, 28)).shape
    torch.Size([16, 8, 14, 14])
    >>> layer.weight.shape
    torch.Size([2, 2, 4])
    >>> Quanv2d(3, 18, 3, channel_mode="sum").weight.shape
    torch.Size([2, 3, 2, 9])
    >>> sampled = Quanv2d(1, 4, 2, shots=100)
    >>> sampled.shot_generator = torch.Generator().manual_seed(0)
    >>> (50 * sampled(torch.rand(1, 8, 8))).round(decimals=3).frac().count_nonzero()
    tensor(0)
    """

    rank = 2


class Quanv3d(Quanv):
    r"""A module: a quanvolutional layer over volumes, with the arguments and shapes of `nn.Conv3d`.

    Everything else is as in `Quanv2d`.

    Shape:
        - input: (B, in_channels, D, H, W) or (in_channels, D, H, W)
        - output: (B, out_channels, D', H', W') or (out_channels, D', H', W')

    >>> import torch
    >>> layer = Quanv3d(1, 8, kernel_size=2, stride=2)
    >>> layer(torch.rand(4, 1, 6, 8, 8)).shape
    torch.Size([4, 8, 3, 4, 4])
    """

    rank = 3
