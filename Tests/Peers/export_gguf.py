#!/usr/bin/env python3
"""What `nibble quantize --format gguf` writes, run by llama.cpp: its perplexity next to ours of the same file.

Needs Python with numpy and llama-cpp-python. For each type the model is written anew, measured by `nibble evaluate` and by
llama.cpp on the same windows (the second half of each scored, as llama-perplexity does), and the two are compared: they may
differ by 0.5 % for F32, F16, BF16 and Q8_0, by 2 % below, where llama.cpp rounds the inputs of layers to 8 bits, too.
Ends with 1 where one differs by more, or a file does not load.

    python3 Tests/Peers/export_gguf.py MODEL TEXT --folder DIR [--nibble PATH] [--windows N] [--window TOKENS] [--recipes R ...]
"""
import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import time

import llama_cpp
import numpy

TYPES = ["F32", "F16", "BF16", "Q8_0", "Q6_K", "Q5_K", "Q5_1", "Q5_0", "Q4_K", "Q4_1", "Q4_0", "IQ4_XS", "IQ4_NL", "MXFP4",
         "Q3_K", "Q2_K"]
NEAR = {"F32", "F16", "BF16", "Q8_0"}
# llama.cpp prints a line a tensor without being asked.
QUIET = llama_cpp.llama_log_callback(lambda level, text, data: None)
llama_cpp.llama_log_set(QUIET, None)


def theirs(path, text, windows, window):
    """Perplexity of llama.cpp itself, and the ids it cuts the text into."""
    model = llama_cpp.Llama(model_path=path, n_ctx=window, n_batch=window, n_threads=1, n_threads_batch=1, logits_all=True, verbose=False)
    adds = llama_cpp.llama_vocab_get_add_bos(llama_cpp.llama_model_get_vocab(model.model))
    # Special tokens that a text spells are found, as Nibble finds them. The stream begins with BOS, as llama-perplexity has it: without
    # it every window begins one token later than ours.
    ids = model.tokenize(text.encode(), add_bos=adds, special=True)
    loss, count = 0.0, 0
    for index in range(windows):
        part = list(ids[index * window:(index + 1) * window])
        if adds:
            part[0] = model.token_bos()
        model.reset()
        model.eval(part)
        for place in range(window // 2, window - 1):
            logits = model.scores[place].astype(numpy.float64)
            top = logits.max()
            loss += top + math.log(numpy.exp(logits - top).sum()) - logits[part[place + 1]]
            count += 1
    return math.exp(loss / count)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="'built-in' for the built-in model")
    parser.add_argument("text")
    parser.add_argument("--folder", required=True)
    parser.add_argument("--nibble", default="nibble")
    parser.add_argument("--windows", type=int, default=4)
    parser.add_argument("--window", type=int, default=512)
    parser.add_argument("--types", nargs="*", default=TYPES)
    parser.add_argument("--recipes", nargs="*", default=[], help="weights recipes written as --format gguf, such as gptq:4:32")
    arguments = parser.parse_args()
    os.makedirs(arguments.folder, exist_ok=True)
    text = open(arguments.text, encoding="utf-8").read()
    model = [] if arguments.model == "built-in" else [arguments.model]
    failed = False
    print("| written as | MB | seconds | ours | llama.cpp's | differs by | what writing said |")
    print("|---|---|---|---|---|---|---|", flush=True)
    runs = [(kind, ["--format", f"gguf:{kind}"]) for kind in arguments.types]
    runs += [(recipe, ["--weights", *recipe.split(), "--format", "gguf"]) for recipe in arguments.recipes]
    for label, words in runs:
        target = os.path.join(arguments.folder, label.replace(":", "-").replace(" ", "_"))
        shutil.rmtree(target, ignore_errors=True)
        start = time.time()
        subprocess.run([arguments.nibble, "quantize", *model, "-o", target, *words], check=True, capture_output=True, text=True)
        seconds = time.time() - start
        path = os.path.join(target, "model.gguf")
        losses = json.load(open(os.path.join(target, "nibble.json")))["losses"]
        found = subprocess.run(
            [arguments.nibble, "evaluate", path, "--text", arguments.text, "--windows", str(arguments.windows), "--window",
             str(arguments.window), "--protocol", "llama.cpp", "--json"], check=True, capture_output=True, text=True)
        report = json.loads(found.stdout)
        if report["window"] != arguments.window:
            sys.exit(f"--window: expected at most what the model's context holds ({report['window']}), found {arguments.window}")
        ours = report["perplexity"]
        peer = theirs(path, text, arguments.windows, arguments.window)
        apart = ours / peer - 1
        failed |= abs(apart) > (0.005 if label in NEAR else 0.02)
        print(f"| {label} | {os.path.getsize(path) / 1e6:.1f} | {seconds:.1f} | {ours:.4f} | {peer:.4f} | {100 * apart:+.2f} % | "
              f"{' '.join(losses)} |", flush=True)
        shutil.rmtree(target)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
