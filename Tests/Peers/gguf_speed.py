#!/usr/bin/env python3
"""Decode and prefill of GGUF files in llama.cpp and here, in turns, and our share of what memory gives.

Needs Python with numpy, gguf and llama-cpp-python. Both programs read the same file as it is.

    python3 Tests/Peers/gguf_speed.py FILE.gguf [FILE.gguf ...] [--nibble PATH] [--rounds N] [--threads N] [--prompt N]
"""
import argparse
import json
import os
import statistics
import subprocess

import llama_cpp

from peers import LlamaCpp, compared

QUIET = llama_cpp.llama_log_callback(lambda level, text, data: None)
llama_cpp.llama_log_set(QUIET, None)
STEPS = 64


def bench(arguments, path, *words):
    command = [arguments.nibble, "bench", path, "--json", "--no-baseline", "--repetitions", "1", "--prompt", str(arguments.prompt),
               "--generate", str(STEPS), "--threads", str(arguments.threads), *words]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def share(document):
    """Of the machine's read bandwidth, what decode reached: bytes of its linear layers and cache over the time of a step."""
    read = sum(kernel["bytes"] for kernel in document["decodeKernels"]) / STEPS
    return read * document["decode"]["tokensPerSecond"] / document["peaks"]["readBandwidth"]


def row(arguments, path):
    peer = LlamaCpp(path, arguments.threads, arguments.prompt + STEPS + 8)
    ours, theirs, shares = {"decode": [], "prefill": []}, {"decode": [], "prefill": []}, []
    for turn in range(arguments.rounds + 1):
        document = bench(arguments, path)
        peer.fill(arguments.prompt)
        decode, prefill = peer.decode_rate(arguments.prompt, STEPS), peer.prefill_rate(arguments.prompt)
        if turn == 0:
            continue  # The first round warms up.
        shares.append(share(document))
        for phase, rate in (("decode", decode), ("prefill", prefill)):
            ours[phase].append(document[phase]["tokensPerSecond"])
            theirs[phase].append(rate)
    cells = [os.path.basename(path), str(arguments.threads)]
    for phase in ("decode", "prefill"):
        ratios = compared(ours[phase], theirs[phase])
        cells += [f"{statistics.median(ours[phase]):.1f}", f"{statistics.median(theirs[phase]):.1f}",
                  f"{statistics.median(ratios):.2f}x ({min(ratios):.2f} to {max(ratios):.2f})"]
    print("| " + " | ".join(cells + [f"{100 * statistics.median(shares):.0f} %"]) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--nibble", default="nibble")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prompt", type=int, default=512)
    arguments = parser.parse_args()
    print("| file | threads | decode | llama.cpp | ratio | prefill | llama.cpp | ratio | share of reads |")
    print("|---|---|---|---|---|---|---|---|---|")
    for path in arguments.files:
        row(arguments, path)


if __name__ == "__main__":
    main()
