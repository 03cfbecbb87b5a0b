"""Trainable, multi-layer, residual quanvolutional neural networks on PyTorch."""
