#!/usr/bin/env python3
"""Decode and prefill of GGUF files in llama.cpp, ik_llama.cpp and here, in turns, and our share of what memory gives.

Needs Python with numpy, gguf and llama-cpp-python, and for ik_llama.cpp its `llama-bench`, which repacks at run time. All
programs read the same file as it is. Shares are of what the machine gave in slices right before and after each repetition: reading
for decode, the multiplying unit for prefill (our inputs are INT16; the peers round theirs to INT8). With --shape, files of that shape
with random weights are written first and timed.

    python3 Tests/Peers/gguf_speed.py [FILE.gguf ...] [--shape tinyllama-1.1b] [--kinds Q4_0,Q8_0,Q4_K_M,Q6_K] [--folder DIR]
        [--ik LLAMA_BENCH] [--activations int8] [--nibble PATH] [--rounds N] [--threads N] [--prompt N]
"""
import argparse
import json
import os
import statistics
import subprocess

import llama_cpp

from peers import SHAPES, LlamaCpp, compared, write_gguf

QUIET = llama_cpp.llama_log_callback(lambda level, text, data: None)
llama_cpp.llama_log_set(QUIET, None)
STEPS = 64


def bench(arguments, path, *words):
    command = [arguments.nibble, "bench", path, "--json", "--no-baseline", "--repetitions", "1", "--prompt", str(arguments.prompt),
               "--generate", str(STEPS), "--threads", str(arguments.threads), *words]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def ik_rates(arguments, path):
    """Decode and prefill of ik_llama.cpp: the same prompt, the same steps after it, matrices repacked as it opens the file."""
    prompt, threads = str(arguments.prompt), str(arguments.threads)

    def run(*test):
        command = [arguments.ik, "-m", path, "-t", threads, "-rtr", "1", "-fa", "1", "-r", "1", "-o", "json", *test]
        return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)

    prefill = next(test for test in run("-p", prompt, "-n", "0") if test["n_prompt"] and not test["n_gen"])
    both = next(test for test in run("-p", "0", "-n", "0", "-gp", f"{prompt},{STEPS}") if test["n_gen"])
    return both["avg_ts"], prefill["avg_ts"]


def row(arguments, path):
    peer = LlamaCpp(path, arguments.threads, arguments.prompt + STEPS + 8)
    ours, shares = {"decode": [], "prefill": []}, {"decode": [], "prefill": []}
    theirs = {"llama.cpp": {"decode": [], "prefill": []}}
    if arguments.ik:
        theirs["ik"] = {"decode": [], "prefill": []}
    for turn in range(arguments.rounds + 1):
        document = bench(arguments, path, *(["--activations", arguments.activations] if arguments.activations else []))
        peer.fill(arguments.prompt)
        rates = {"llama.cpp": (peer.decode_rate(arguments.prompt, STEPS), peer.prefill_rate(arguments.prompt))}
        if arguments.ik:
            rates["ik"] = ik_rates(arguments, path)
        if turn == 0:
            continue  # The first round warms up.
        for at, phase in enumerate(("decode", "prefill")):
            shares[phase].append(document[f"{phase}Limit"]["share"])
            ours[phase].append(document[phase]["tokensPerSecond"])
            for name, pair in rates.items():
                theirs[name][phase].append(pair[at])
    cells = [os.path.basename(path), str(arguments.threads)]
    for phase in ("decode", "prefill"):
        cells.append(f"{statistics.median(ours[phase]):.1f}")
        for other in theirs.values():
            ratios = compared(ours[phase], other[phase])
            cells += [f"{statistics.median(other[phase]):.1f}", f"{statistics.median(ratios):.2f}x ({min(ratios):.2f} to {max(ratios):.2f})"]
        # The same file in all programs: what a peer reads of it in a step is what is read here.
        parts = [1.0] + [statistics.median(compared(other[phase], ours[phase])) for other in theirs.values()]
        limit = statistics.median(shares[phase])
        cells.append(" / ".join(f"{100 * limit * part:.0f}" for part in (parts if phase == "decode" else parts[:1])) + " %")
    print("| " + " | ".join(cells) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*")
    parser.add_argument("--shape", choices=sorted(SHAPES))
    parser.add_argument("--kinds", default="Q4_0,Q8_0,Q4_K_M,Q6_K")
    parser.add_argument("--folder", default="/tmp", help="where files of a shape are written, and kept")
    parser.add_argument("--ik", help="the llama-bench of ik_llama.cpp")
    parser.add_argument("--activations", help="ours, as the peers round theirs to 8 bits: int8; as stored without it, in 16 bits")
    parser.add_argument("--nibble", default="nibble")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prompt", type=int, default=512)
    arguments = parser.parse_args()
    files = list(arguments.files)
    for kind in arguments.kinds.split(",") if arguments.shape else []:
        files.append(os.path.join(arguments.folder, f"{arguments.shape}-{kind.lower()}.gguf"))
        write_gguf(files[-1], arguments.shape, kind)
    if not files:
        parser.error("expected a FILE.gguf or --shape")
    titles = ["file", "threads"]
    for phase in ("decode", "prefill"):
        titles += [phase, "llama.cpp", "ratio"] + (["ik_llama.cpp", "ratio"] if arguments.ik else [])
        titles.append("of limit, each program" if phase == "decode" else "of limit")
    print("| " + " | ".join(titles) + " |")
    print("|---" * len(titles) + "|")
    for path in files:
        row(arguments, path)


if __name__ == "__main__":
    main()
