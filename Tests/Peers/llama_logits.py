#!/usr/bin/env python3
"""llama_logits.py LLAMA-PERPLEXITY NIBBLE BASE.gguf OTHER.gguf TEXT WINDOWS FOLDER: figures from one `_logits_` file, by both programs.

  python llama_logits.py build/bin/llama-perplexity .build/release/nibble F16.gguf Q4_0.gguf wikitext2-test.txt 6 /tmp/work

1. llama-perplexity records BASE and compares OTHER with it; nibble compares OTHER with the same file. Most of what differs is that
   the two programs multiply differently.
2. nibble records BASE, and llama-perplexity compares OTHER with nibble's file.
3. The figures by NumPy from two files, BASE and OTHER, by the formulas of llama.cpp: of llama-perplexity's own files, and of nibble's.
   These tell formulas apart from multiplication: both programs are to agree with NumPy but for what such a file cuts off, half a percent.
"""

import json
import math
import os
import re
import subprocess
import sys

import numpy as np

perplexity, program, base, other, text, windows, folder = sys.argv[1:8]
os.makedirs(folder, exist_ok=True)
their_base, their_other, our_base, our_other = (
    os.path.join(folder, name) for name in ("llama.bin", "llama-other.bin", "nibble.bin", "nibble-other.bin"))


def llama(*arguments):
    ran = subprocess.run([perplexity, "-t", "2", "-c", "512", "-b", "512", *arguments], capture_output=True, text=True)
    return ran.stdout + ran.stderr


def nibble(model, *arguments):
    ran = subprocess.run([program, "evaluate", model, "--windows", windows, "--json", *arguments], capture_output=True, text=True)
    if ran.returncode:
        sys.exit(ran.stderr)
    return json.loads(ran.stdout)


def of_llama(path):
    out = llama("-m", other, "--kl-divergence-base", path, "--kl-divergence")
    found = {}
    for name, pattern in (
            ("ppl", r"Mean PPL\(Q\)\s*:\s*([-\d.]+) ±\s*([-\d.]+)"), ("base", r"Mean PPL\(base\)\s*:\s*([-\d.]+) ±\s*([-\d.]+)"),
            ("cor", r"Cor\(.*\):\s*([-\d.]+)%"), ("ln", r"Mean ln\(PPL\(Q\)/PPL\(base\)\)\s*:\s*([-\d.]+) ±\s*([-\d.]+)"),
            ("ratio", r"Mean PPL\(Q\)/PPL\(base\)\s*:\s*([-\d.]+) ±\s*([-\d.]+)"),
            ("diff", r"Mean PPL\(Q\)-PPL\(base\)\s*:\s*([-\d.]+) ±\s*([-\d.]+)"), ("kl", r"Mean\s+KLD:\s*([-\d.]+) ±\s*([-\d.]+)"),
            ("kl max", r"Maximum KLD:\s*([-\d.]+)"), ("kl 99.9", r"99.9%\s+KLD:\s*([-\d.]+)"), ("kl 99", r"99.0%\s+KLD:\s*([-\d.]+)"),
            ("kl 95", r"95.0%\s+KLD:\s*([-\d.]+)"), ("kl 90", r"90.0%\s+KLD:\s*([-\d.]+)"), ("kl median", r"Median\s+KLD:\s*([-\d.]+)"),
            ("dp", r"Mean\s+Δp:\s*([-\d.]+) ±\s*([-\d.]+)"), ("dp 5", r" 5.0%\s+Δp:\s*([-\d.]+)"), ("dp 0.1", r" 0.1%\s+Δp:\s*([-\d.]+)"),
            ("rms", r"RMS Δp\s*:\s*([-\d.]+) ±\s*([-\d.]+)"), ("top", r"Same top p:\s*([-\d.]+) ±\s*([-\d.]+)")):
        match = re.search(pattern, out)
        if not match:
            sys.exit(f"no {name} in what llama-perplexity said:\n{out[-3000:]}")
        found[name] = [float(part) for part in match.groups()]
    return found


def of_nibble(report):
    figures, kl = report["figures"], report["kl"]
    change = {point["share"]: 100 * point["change"] for point in figures["probability"]["percentiles"]}

    def pair(value, scale=1):
        return [scale * value["mean"], scale * value["error"]]

    return {
        "ppl": [report["perplexity"], report["perplexityError"]],
        "base": [report["baseline"]["perplexity"], report["baseline"]["perplexityError"]], "cor": [100 * figures["correlation"]],
        "ln": pair(figures["lnRatio"]), "ratio": pair(figures["ratio"]), "diff": pair(figures["difference"]),
        "kl": [kl["mean"], kl["error"]], "kl max": [kl["max"]], "kl 99.9": [kl["p999"]], "kl 99": [kl["p99"]], "kl 95": [kl["p95"]],
        "kl 90": [kl["p90"]], "kl median": [kl["median"]], "dp": pair(figures["probability"]["mean"], 100), "dp 5": [change[0.05]],
        "dp 0.1": [change[0.001]], "rms": pair(figures["probability"]["rms"], 100),
        "top": [100 * report["topOneAgreement"], 100 * report["topOneAgreementError"]]}


def read(path):
    with open(path, "rb") as file:
        assert file.read(8) == b"_logits_"
        window, vocabulary, count = np.fromfile(file, "<i4", 3)
        tokens = np.fromfile(file, "<i4", window * count).reshape(count, window)
        rows = window - 1 - window // 2
        row = np.dtype([("step", "<f4"), ("least", "<f4"), ("codes", "<u2", (int(vocabulary) + 1) // 2 * 2)])
        data = np.fromfile(file, row, rows * count).reshape(count, rows)
    logs = data["step"][..., None] * data["codes"][..., :vocabulary].astype("<f4") + data["least"][..., None]
    return tokens, logs.astype("f8")


def of_numpy(base_path, other_path):
    (tokens, first), (_, second) = read(base_path), read(other_path)
    targets = tokens[:, tokens.shape[1] // 2 + 1:]
    # What lies more than 16 nats down is written as that; the measured model's probabilities sum to one.
    second -= np.log(np.exp(second).sum(-1, keepdims=True))
    kl = (np.where(first > -16, np.exp(first) * (first - second), 0)).sum(-1).ravel()
    nll, nll_base = (-np.take_along_axis(logs, targets[..., None], -1).ravel() for logs in (second, first))
    count = len(kl)

    def mean(values):
        return [values.mean(), math.sqrt(((values ** 2).mean() - values.mean() ** 2) / (count - 1))]

    delta = np.exp(-nll) - np.exp(-nll_base)
    square = mean(delta ** 2)
    top = (first.argmax(-1) == second.argmax(-1)).mean()
    return {
        "ppl": [math.exp(nll.mean()), math.exp(nll.mean()) * mean(nll)[1]],
        "base": [math.exp(nll_base.mean()), math.exp(nll_base.mean()) * mean(nll_base)[1]], "ln": mean(nll - nll_base),
        "kl": mean(kl), "kl max": [kl.max()], "kl 99.9": [np.quantile(kl, .999)], "kl 99": [np.quantile(kl, .99)],
        "kl median": [np.median(kl)], "dp": [100 * part for part in mean(delta)], "dp 5": [100 * np.quantile(delta, .05)],
        "rms": [100 * math.sqrt(square[0]), 100 * square[1] / 2 / math.sqrt(square[0])],
        "top": [100 * top, 100 * math.sqrt(top * (1 - top) / (count - 1))]}


def table(title, left, right):
    print(f"\n{title}")
    for name in left:
        if name in right:
            cells = ["  ".join(f"{part:.6f}" for part in side[name]) for side in (left, right)]
            print(f"  {name:10s} {cells[0]:24s} {cells[1]}")


for path, model in ((their_base, base), (their_other, other)):
    if not os.path.exists(path):
        llama("-m", model, "-f", text, "--chunks", windows, "--kl-divergence-base", path)
theirs = of_llama(their_base)
table("llama.cpp's file: llama-perplexity, nibble", theirs, of_nibble(nibble(other, "--baseline", their_base)))
table("llama.cpp's two files: NumPy, llama-perplexity", of_numpy(their_base, their_other), theirs)
nibble(base, "--text", text, "--write-logits", our_base)
ours = of_nibble(nibble(other, "--baseline", our_base, "--text", text, "--write-logits", our_other))
table("nibble's file: llama-perplexity, nibble", of_llama(our_base), ours)
table("nibble's two files: NumPy, nibble", of_numpy(our_base, our_other), ours)
