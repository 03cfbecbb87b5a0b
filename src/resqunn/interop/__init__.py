"""Into and out of other worlds: PennyLane circuits and layers, plain PyTorch and ONNX."""
