#!/usr/bin/env python3
"""Prefill, decode and loading beside llama.cpp, interleaved round by round.

Needs Python with numpy, gguf and llama-cpp-python. Weights are random, of a known shape. Both sides hold all matrices alike,
embedding and head too: llama.cpp in Q4_0, Q8_0 or BF16, Nibble in 4 bits (groups of 128, or 64 where 128 does not
divide), 8 bits or BF16. Loading goes from opening the file to the first token of a one-token prompt, files cached.

    python3 Tests/Peers/llama.py [--shape tinyllama-1.1b] [--folder DIR] [--nibble PATH] [--rounds N] [--threads N]
"""
import argparse
import json
import os
import subprocess

from peers import SHAPES, LlamaCpp, compared, show, write_gguf

GROUP = {"tinyllama-1.1b": 128, "smollm2-135m": 64}
# Name, and the recipe that makes it.
OURS = [("W4A16", "--weights rtn:4:{group} --head 4:{group}"),
        ("W4A8", "--weights rtn:4:{group} --head 4:{group} --activations int8"), ("W8A16", "--weights rtn:8:-1 --head 8"),
        ("W8A8", "--activations int8 --head 8"), ("BF16", "")]
THEIRS = ["Q4_0", "Q8_0", "BF16"]
ROWS = [("decode", "W4A16", "Q4_0", 1.7), ("decode", "W4A8", "Q4_0", 1.7), ("decode", "W8A16", "Q8_0", 1.7),
        ("decode", "W8A8", "Q8_0", 1.7), ("decode", "BF16", "BF16", 1.05), ("prefill", "W8A8", "Q8_0", 4.5),
        ("prefill", "W8A8", "BF16", 2.7), ("prefill", "W4A8", "Q4_0", 2.5), ("prefill", "W4A16", "BF16", 1.5),
        ("prefill", "BF16", "BF16", 1.5), ("loads", "W4A16", "Q4_0", 1.0)]


def artifacts(arguments):
    """The directory of each of our forms, written where it is not there yet."""
    source = os.path.join(arguments.folder, arguments.shape)
    if not os.path.exists(source):
        subprocess.run([arguments.nibble, "synthesize", source, "--shape", arguments.shape], check=True)
    found = {}
    for name, recipe in OURS:
        found[name] = os.path.join(arguments.folder, f"{arguments.shape}-{name.lower()}") if recipe else source
        if os.path.exists(found[name]):
            continue
        # No method here looks at data; layers are only compared on it.
        options = recipe.format(group=GROUP[arguments.shape]).split() + ["--samples", "1", "--sample-length", "16"]
        subprocess.run([arguments.nibble, "quantize", source, "--output", found[name]] + options, check=True, capture_output=True)
    return found


def bench(arguments, directory, prompt, generate):
    command = [arguments.nibble, "bench", directory, "--json", "--no-baseline", "--repetitions", "1", "--prompt", str(prompt),
               "--generate", str(generate), "--threads", str(arguments.threads)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def measure(arguments):
    """Rows of the comparison."""
    ours = artifacts(arguments)
    paths = {kind: os.path.join(arguments.folder, f"{arguments.shape}-{kind.lower()}.gguf") for kind in THEIRS}
    context = arguments.prompt + arguments.generate + 8
    peers = {}
    for kind, path in paths.items():
        write_gguf(path, arguments.shape, kind)
        peers[kind] = LlamaCpp(path, arguments.threads, context)
    rates = {}

    def note(turn, phase, name, rate):
        if turn > 0:
            rates.setdefault((phase, name), []).append(rate)

    # The first turn warms up.
    for turn in range(arguments.rounds + 1):
        for kind, peer in peers.items():
            note(turn, "prefill", kind, peer.prefill_rate(arguments.prompt))
            note(turn, "decode", kind, peer.decode_rate(arguments.prompt, arguments.generate))
        note(turn, "loads", "Q4_0", 1 / LlamaCpp.load_seconds(paths["Q4_0"], arguments.threads, context))
        report = bench(arguments, ours["W4A16"], 1, 1)
        note(turn, "loads", "ours W4A16", 1 / (report["openSeconds"] + report["firstPassSeconds"]))
        for name, directory in ours.items():
            report = bench(arguments, directory, arguments.prompt, arguments.generate)
            for phase in ("prefill", "decode"):
                note(turn, phase, "ours " + name, report[phase]["tokensPerSecond"])
    place = f"{arguments.shape}, {arguments.threads} thread{'s' if arguments.threads > 1 else ''}"
    for phase, own, peer, floor in ROWS:
        a, b = rates[(phase, "ours " + own)], rates[(phase, peer)]
        show(f"{phase} {own}, {place}", a, "1/s" if phase == "loads" else "tok/s", "llama.cpp " + peer, b, compared(a, b), floor)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nibble", default=".build/release/nibble")
    parser.add_argument("--shape", choices=sorted(SHAPES), default="tinyllama-1.1b")
    parser.add_argument("--folder", default="/tmp", help="where models are written, and kept")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--generate", type=int, default=16)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    measure(parser.parse_args())


if __name__ == "__main__":
    main()
