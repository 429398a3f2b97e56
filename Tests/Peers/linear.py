#!/usr/bin/env python3
"""Linear layers beside PyTorch's (oneDNN) on this machine, interleaved round by round.

Needs Python with torch. Each round times torch's BF16 linear, then lets `nibble linear` time its forms in the same
seconds; medians over the rounds are printed with the ratios of each round. Weights stay in cache or not alike: both
sides run one layer again and again.

    python3 Tests/Peers/linear.py [--nibble PATH] [--rounds N] [--threads N] [--tokens N ...]
"""
import argparse
import json
import os
import statistics
import subprocess
import time

import torch

SHAPES = [(2048, 2048), (5632, 2048), (2048, 5632)]
FORMS = ["bf16", "w8a8", "w8a8-tensor", "w8a8-static", "w8a8-asymmetric", "fp8"]


def torch_seconds(layer, x, repetitions):
    times = []
    with torch.inference_mode():
        layer(x)
        for _ in range(repetitions):
            start = time.perf_counter()
            layer(x)
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def nibble_seconds(arguments, rows, columns, tokens, repetitions):
    command = [arguments.nibble, "linear", "--json", "--rows", str(rows), "--columns", str(columns)]
    command += ["--tokens", str(tokens), "--rounds", str(repetitions), "--threads", str(arguments.threads)]
    for form in FORMS:
        command += ["--form", form]
    report = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return {row["form"]: row["seconds"] for row in report["forms"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nibble", default=".build/release/nibble")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--repetitions", type=int, default=5, help="calls of each side in a round")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--tokens", type=int, nargs="*", default=[128, 512])
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(f"torch {torch.__version__}, {arguments.threads} threads, medians of {arguments.rounds} rounds")
    for rows, columns in SHAPES:
        layer = torch.nn.Linear(columns, rows, bias=False, dtype=torch.bfloat16)
        for tokens in arguments.tokens:
            x = torch.randn(tokens, columns, dtype=torch.bfloat16)
            theirs, ours = [], {form: [] for form in FORMS}
            for _ in range(arguments.rounds):
                theirs.append(torch_seconds(layer, x, arguments.repetitions))
                for form, seconds in nibble_seconds(arguments, rows, columns, tokens, arguments.repetitions).items():
                    ours[form].append(seconds)
            operations = 2.0 * rows * columns * tokens
            print(f"\n{columns} -> {rows}, {tokens} tokens: torch BF16 "
                  f"{operations / statistics.median(theirs) / 1e9:.0f} Gop/s")
            for form in FORMS:
                against_torch = [a / b for a, b in zip(theirs, ours[form])]
                against_own = [a / b for a, b in zip(ours["bf16"], ours[form])]
                print(f"  {form:16} {operations / statistics.median(ours[form]) / 1e9:6.0f} Gop/s   "
                      f"{statistics.median(against_torch):.2f}x torch BF16 "
                      f"({min(against_torch):.2f} to {max(against_torch):.2f})   "
                      f"{statistics.median(against_own):.2f}x own BF16 "
                      f"({min(against_own):.2f} to {max(against_own):.2f})")


if __name__ == "__main__":
    main()
