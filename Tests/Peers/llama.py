#!/usr/bin/env python3
"""Prefill and decode beside llama.cpp, interleaved round by round.

Needs Python with numpy, gguf and llama-cpp-python. Weights are random, of a known shape. llama.cpp holds all matrices in
Q4_0, Q8_0 or BF16, embedding and head too; Nibble holds those of the blocks in 4 bits (groups of 128, or 64 where 128
does not divide), 8 bits or BF16, embedding and head in BF16.

    python3 Tests/Peers/llama.py [--shape tinyllama-1.1b] [--folder DIR] [--nibble PATH] [--rounds N] [--threads N]
"""
import argparse
import json
import os
import statistics
import subprocess

from peers import SHAPES, LlamaCpp, write_gguf

GROUP = {"tinyllama-1.1b": 128, "smollm2-135m": 64}
# Name, weights, activations; nil activations are BF16.
OURS = [("W4A16", "rtn:4:{group}", None), ("W4A8", "rtn:4:{group}", "int8"), ("W8A16", "rtn:8:-1", None),
        ("W8A8", None, "int8"), ("BF16", None, None)]
THEIRS = ["Q4_0", "Q8_0", "BF16"]
ROWS = [("decode", "W4A16", "Q4_0", 1.7), ("decode", "W4A8", "Q4_0", 1.7), ("decode", "W8A16", "Q8_0", 1.7),
        ("decode", "W8A8", "Q8_0", 1.7), ("decode", "BF16", "BF16", 1.05), ("prefill", "W8A8", "Q8_0", 4.5),
        ("prefill", "W8A8", "BF16", 2.7), ("prefill", "W4A8", "Q4_0", 2.5), ("prefill", "W4A16", "BF16", 1.5),
        ("prefill", "BF16", "BF16", 1.5)]


def artifacts(arguments):
    """The directory of each of our forms, written where it is not there yet."""
    source = os.path.join(arguments.folder, arguments.shape)
    if not os.path.exists(source):
        subprocess.run([arguments.nibble, "synthesize", source, "--shape", arguments.shape], check=True)
    found = {}
    for name, weights, activations in OURS:
        if weights is None and activations is None:
            found[name] = source
            continue
        found[name] = os.path.join(arguments.folder, f"{arguments.shape}-{name.lower()}")
        if os.path.exists(found[name]):
            continue
        command = [arguments.nibble, "quantize", source, "--output", found[name]]
        if weights:
            command += ["--weights", weights.format(group=GROUP[arguments.shape])]
        if activations:
            command += ["--activations", activations]
        subprocess.run(command, check=True, capture_output=True)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nibble", default=".build/release/nibble")
    parser.add_argument("--shape", choices=sorted(SHAPES), default="tinyllama-1.1b")
    parser.add_argument("--folder", default="/tmp", help="where models are written, and kept")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--generate", type=int, default=16)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    ours = artifacts(arguments)
    peers = {}
    for kind in THEIRS:
        path = os.path.join(arguments.folder, f"{arguments.shape}-{kind.lower()}.gguf")
        write_gguf(path, arguments.shape, kind)
        peers[kind] = LlamaCpp(path, arguments.threads, arguments.prompt + arguments.generate + 8)
    rates = {}

    def note(phase, name, rate):
        rates.setdefault((phase, name), []).append(rate)

    for turn in range(arguments.rounds + 1):
        for kind, peer in peers.items():
            prefill = peer.prefill_rate(arguments.prompt)
            decode = peer.decode_rate(arguments.prompt, arguments.generate)
            if turn > 0:
                note("prefill", kind, prefill)
                note("decode", kind, decode)
        for name, directory in ours.items():
            command = [arguments.nibble, "bench", directory, "--json", "--no-baseline", "--repetitions", "1",
                       "--prompt", str(arguments.prompt), "--generate", str(arguments.generate),
                       "--threads", str(arguments.threads)]
            report = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
            if turn > 0:
                note("prefill", "ours " + name, report["prefill"]["tokensPerSecond"])
                note("decode", "ours " + name, report["decode"]["tokensPerSecond"])
    print(f"{arguments.shape}, {arguments.threads} threads, prompt {arguments.prompt}, medians of {arguments.rounds} rounds")
    for phase, own, peer, floor in ROWS:
        a, b = rates[(phase, "ours " + own)], rates[(phase, peer)]
        ratios = [x / y for x, y in zip(a, b)]
        print(f"  {phase:8} {own:6} {statistics.median(a):8.1f} tok/s   llama.cpp {peer:5} {statistics.median(b):8.1f} tok/s   "
              f"{statistics.median(ratios):.2f}x ({min(ratios):.2f} to {max(ratios):.2f}), floor {floor}x")


if __name__ == "__main__":
    main()
