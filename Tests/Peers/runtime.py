#!/usr/bin/env python3
"""The whole comparison of the runtime with its peers, one table: every row interleaved round by round, with its floor.

Needs Python with numpy, gguf, llama-cpp-python, torch, onnx and onnxruntime, and about 12 GB of disk for models of random
weights. Takes about an hour on two cores; the parts can be run by themselves (llama.py, cache.py, linear.py).

    python3 Tests/Peers/runtime.py [--nibble PATH] [--folder DIR] [--rounds N] [--threads N ...] [--shape NAME ...]
"""
import argparse
import json
import os
import subprocess

import cache
import linear
import llama
from peers import SHAPES, show

# Form and floor of what one token reads, as a share of the read probe.
STREAMED = [("w4a16", 0.9), ("w4a8", 0.9), ("w8a16", 0.9), ("w8a8", 0.9), ("bf16", None), ("w3a16", None), ("w2a16", None)]


def measure_streams(arguments):
    """Weight bytes a second of one token's layers, copies of 256 MB in turn, against the read probe between the calls."""
    for columns, rows in linear.SHAPES:
        rates, shares = {}, {}
        for _ in range(arguments.rounds):
            command = [arguments.nibble, "linear", "--json", "--cold", "--rows", str(rows), "--columns", str(columns), "--tokens", "1",
                       "--rounds", "10", "--threads", str(arguments.threads)]
            for form, _ in STREAMED:
                command += ["--form", form]
            for row in json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["forms"]:
                rates.setdefault(row["form"], []).append(row["packedBytes"] / row["seconds"])
                shares.setdefault(row["form"], []).append(row["limitShare"])
        for form, floor in STREAMED:
            show(f"{form} GEMV {columns}->{rows}, {arguments.threads} threads", rates[form], "B/s", "the read probe", None, shares[form],
                 floor)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nibble", default=".build/release/nibble")
    parser.add_argument("--folder", default="/tmp", help="where models are written, and kept")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, nargs="*", default=[os.cpu_count(), 1])
    parser.add_argument("--shape", nargs="*", choices=sorted(SHAPES), default=["tinyllama-1.1b", "smollm2-135m"])
    chosen = parser.parse_args()
    common = dict(nibble=chosen.nibble, folder=chosen.folder, rounds=chosen.rounds)
    for threads in chosen.threads:
        for shape in chosen.shape:
            llama.measure(argparse.Namespace(**common, shape=shape, threads=threads, prompt=512, generate=16))
        measure_streams(argparse.Namespace(**common, threads=threads))
        linear.measure(argparse.Namespace(**common, threads=threads, tokens=[128, 512], repetitions=5))
    for depth, shape in ((4096, chosen.shape[-1]), (16384, chosen.shape[0])):
        cache.measure(argparse.Namespace(nibble=chosen.nibble, folder=chosen.folder, rounds=3, threads=chosen.threads[0], shape=shape,
                                         depth=depth, steps=16))


if __name__ == "__main__":
    main()
