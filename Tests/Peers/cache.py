#!/usr/bin/env python3
"""Decoding at depth beside llama.cpp with its F16, Q8_0 and Q4_0 caches, interleaved round by round.

Needs Python with numpy, gguf and llama-cpp-python. Weights are random, of a known shape: Q4_0 there, W4 in groups of 128 (64) here.
llama.cpp fills its cache by reading tokens, Nibble by appending random vectors; what is decoded means nothing.

    python3 Tests/Peers/cache.py [--shape smollm2-135m] [--depth 4096] [--folder DIR] [--nibble PATH] [--rounds N]
"""
import argparse
import json
import os
import subprocess

from peers import SHAPES, LlamaCpp, compared, show, write_gguf

OURS = ["int8", "int4", "turboquant:4", "turboquant:3"]
# 576 inputs are no multiple of 128.
WEIGHTS = {"tinyllama-1.1b": "rtn:4:128", "smollm2-135m": "rtn:4:64"}
# Peer, own cache, at least.
PAIRS = [("F16", "FP16", None), ("Q8_0", "INT8 g32", 3.0), ("Q4_0", "INT4 g32", None), ("Q4_0", "TurboQuant 4", None)]


def measure(arguments):
    """Rows of the comparison."""
    theirs = os.path.join(arguments.folder, arguments.shape + "-q4_0.gguf")
    write_gguf(theirs, arguments.shape, "Q4_0")
    ours = os.path.join(arguments.folder, arguments.shape)
    if not os.path.exists(ours):
        subprocess.run([arguments.nibble, "synthesize", ours, "--shape", arguments.shape], check=True)
    command = [arguments.nibble, "depth", ours, "--json", "--weights", WEIGHTS[arguments.shape], "--depth", str(arguments.depth)]
    command += ["--steps", str(arguments.steps), "--repetitions", "3", "--threads", str(arguments.threads)]
    for cache in OURS:
        command += ["--kv", cache]

    peers = {}
    for kind in ("F16", "Q8_0", "Q4_0"):
        peers[kind] = LlamaCpp(theirs, arguments.threads, arguments.depth + 256, kind)
        peers[kind].fill(arguments.depth)
    rates = {}
    for _ in range(arguments.rounds):
        for kind, peer in peers.items():
            rates.setdefault(kind, []).append(peer.decode_rate(arguments.depth, arguments.steps))
        report = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        for row in report["rows"]:
            rates.setdefault(row["cache"], []).append(row["decode"]["tokensPerSecond"])
    place = f"{arguments.shape}, depth {arguments.depth}, {arguments.threads} thread{'s' if arguments.threads > 1 else ''}"
    for peer, own, floor in PAIRS:
        show(f"decode {own}, {place}", rates[own], "tok/s", "llama.cpp " + peer, rates[peer], compared(rates[own], rates[peer]), floor)
    for own in ("INT8 g32", "INT4 g32", "TurboQuant 4"):
        show(f"decode {own}, {place}", rates[own], "tok/s", "own FP16", rates["FP16"], compared(rates[own], rates["FP16"]), 1.0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nibble", default=".build/release/nibble")
    parser.add_argument("--shape", choices=sorted(SHAPES), default="smollm2-135m")
    parser.add_argument("--depth", type=int, default=4096)
    parser.add_argument("--folder", default="/tmp", help="where models are written, and kept")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    measure(parser.parse_args())


if __name__ == "__main__":
    main()
