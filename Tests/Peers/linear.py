#!/usr/bin/env python3
"""Linear layers beside PyTorch's (oneDNN) and ONNX Runtime's on this machine, interleaved round by round.

Needs Python with torch, onnx and onnxruntime. Each round times the others' layer, then lets `nibble linear` time its forms in
the same seconds; the ratio of each round counts. Quantizing activations counts on all sides: MatMulInteger stands behind
DynamicQuantizeLinear, MatMulNBits (blocks of 128) computes with INT8 activations (accuracy level 4). All run one layer
again and again. 'of limit' is the form's share of what its multiplying unit does, probed in slices between its calls.

    python3 Tests/Peers/linear.py [--nibble PATH] [--rounds N] [--threads N] [--tokens N ...] [--all]
"""
import argparse
import json
import os
import statistics
import subprocess
import time

import numpy

from peers import compared, show

# Input channels, output channels.
SHAPES = [(2048, 5632), (5632, 2048)]
FORMS = ["bf16", "w8a8", "w4a8", "w4a16"]
MORE_FORMS = ["w8a8-tensor", "w8a8-static", "w8a8-asymmetric", "fp8"]
# Form, what it is held against, at least. A limit is a share.
ROWS = [("w8a8", "limit", 0.9), ("w8a8", "MatMulInteger", 1.1), ("w4a8", "limit", 0.75), ("w4a8", "MatMulNBits", 2.0),
        ("bf16", "limit", 0.9), ("bf16", "torch BF16", 1.0)]


def median_seconds(call, repetitions):
    call()
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def torch_linear(columns, rows, threads):
    """Torch's BF16 layer as a function of a number of tokens."""
    import torch

    torch.set_num_threads(threads)
    layer = torch.nn.Linear(columns, rows, bias=False, dtype=torch.bfloat16)

    def prepared(tokens):
        x = torch.randn(tokens, columns, dtype=torch.bfloat16)

        def call():
            with torch.inference_mode():
                layer(x)

        return call

    return prepared


def onnx_linear(columns, rows, threads, kind):
    """ONNX Runtime's quantized layer as a function of a number of tokens."""
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    generator = numpy.random.default_rng(0)
    if kind == "MatMulInteger":
        weights = generator.integers(-127, 128, (columns, rows), dtype=numpy.int8)
        constants = [("w", weights), ("wz", numpy.zeros(rows, dtype=numpy.int8)),
                     ("ws", numpy.full(rows, 1e-3, dtype=numpy.float32))]
        nodes = [helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]),
                 helper.make_node("MatMulInteger", ["q", "w", "z", "wz"], ["i"]),
                 helper.make_node("Cast", ["i"], ["f"], to=TensorProto.FLOAT),
                 helper.make_node("Mul", ["s", "ws"], ["scale"]), helper.make_node("Mul", ["f", "scale"], ["y"])]
    else:
        blocks = columns // 128
        constants = [("w", generator.integers(0, 256, (rows, blocks, 64), dtype=numpy.uint8)),
                     ("ws", numpy.full(rows * blocks, 1e-3, dtype=numpy.float32))]
        nodes = [helper.make_node("MatMulNBits", ["x", "w", "ws"], ["y"], domain="com.microsoft", K=columns, N=rows, bits=4,
                                  block_size=128, accuracy_level=4)]
    graph = helper.make_graph(
        nodes, "layer", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["tokens", columns])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["tokens", rows])],
        [numpy_helper.from_array(value, name) for name, value in constants])
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def prepared(tokens):
        x = generator.standard_normal((tokens, columns), dtype=numpy.float32)
        return lambda: session.run(None, {"x": x})

    return prepared


def nibble_forms(arguments, forms, rows, columns, tokens, repetitions):
    command = [arguments.nibble, "linear", "--json", "--rows", str(rows), "--columns", str(columns)]
    command += ["--tokens", str(tokens), "--rounds", str(repetitions), "--threads", str(arguments.threads)]
    for form in forms:
        command += ["--form", form]
    report = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return {row["form"]: row for row in report["forms"]}


def measure(arguments):
    """Rows of the comparison, printed as they come."""
    forms = FORMS + (MORE_FORMS if getattr(arguments, "all", False) else [])
    for columns, rows in SHAPES:
        peers = {"torch BF16": torch_linear(columns, rows, arguments.threads)}
        for kind in ("MatMulInteger", "MatMulNBits"):
            peers[kind] = onnx_linear(columns, rows, arguments.threads, kind)
        for tokens in arguments.tokens:
            calls = {name: peer(tokens) for name, peer in peers.items()}
            operations = 2.0 * rows * columns * tokens
            theirs, ours, shares = {}, {}, {}
            for _ in range(arguments.rounds):
                for name, call in calls.items():
                    theirs.setdefault(name, []).append(operations / median_seconds(call, arguments.repetitions))
                for form, row in nibble_forms(arguments, forms, rows, columns, tokens, arguments.repetitions).items():
                    ours.setdefault(form, []).append(operations / row["seconds"])
                    shares.setdefault(form, []).append(row["limitShare"])
            place = f"{columns}->{rows}, {tokens} tokens"
            for form, peer, floor in ROWS:
                if peer == "limit":
                    show(f"{form} GEMM {place}", ours[form], "op/s", "the probed limit", None, shares[form], floor)
                else:
                    show(f"{form} GEMM {place}", ours[form], "op/s", peer, theirs[peer], compared(ours[form], theirs[peer]), floor)
            for form in forms:
                if not any(form == row[0] for row in ROWS):
                    show(f"{form} GEMM {place}", ours[form], "op/s", "own BF16", ours["bf16"],
                         compared(ours[form], ours["bf16"]), None)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nibble", default=".build/release/nibble")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--repetitions", type=int, default=5, help="calls of each side in a round")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--tokens", type=int, nargs="*", default=[128, 512])
    parser.add_argument("--all", action="store_true", help="more forms of activations, held against BF16")
    measure(parser.parse_args())


if __name__ == "__main__":
    main()
