#!/usr/bin/env python3
"""memory.py NIBBLE MODEL...: what quantizing says it will hold, next to what it held, for every model and a list of recipes.

A row is right when the promise is within 10 % of the measured peak of the job, or within 16 MB of it. Nothing else should run meanwhile.
"""
import json, os, re, shutil, subprocess, sys, tempfile

RECIPES = [["--weights", "rtn:4:32"], ["--weights", "gptq:4:32"], ["--weights", "awq:4:32"], ["--weights", "hqq:4:32"], ["--activations", "int8"],
           ["--activations", "smoothquant"], ["--weights", "rtn:4:32", "--head", "8"], ["--weights", "gptq:3:32", "--activations", "int8"]]
UNITS = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}
nibble, models = os.path.abspath(sys.argv[1]), sys.argv[2:]
base = tempfile.mkdtemp(prefix="nibble-memory-")
right = rows = strict = 0
for model in models:
    for recipe in RECIPES:
        out = f"{base}/out"
        ended = subprocess.run([nibble, "quantize", *([] if model == "built-in" else [model]), "-o", out, *recipe, "--samples", "8", "--sample-length", "128", "--json"],
                               capture_output=True, text=True)
        said = re.search(r"Expected: .*?, ([0-9.]+) (B|kB|MB|GB) of memory at the most", ended.stderr)
        if ended.returncode or said is None:
            print(f"{model} {' '.join(recipe)}: exit {ended.returncode}: {ended.stderr.strip().splitlines()[-1:]}")
            shutil.rmtree(f"{out}.unfinished", ignore_errors=True)
            continue
        promised, held = float(said.group(1)) * UNITS[said.group(2)], json.loads(ended.stdout).get("jobBytes") or 0
        rows += 1
        is_right = abs(promised - held) <= max(0.1 * held, 16e6)
        right += is_right
        strict += abs(promised - held) <= 0.1 * held
        print(f"{os.path.basename(model.rstrip('/'))} {' '.join(recipe)}: promised {promised / 1e6:.1f} MB, held {held / 1e6:.1f} MB, {promised / max(1, held):.2f}{'' if is_right else '  NOT WITHIN 10 %'}", flush=True)
        shutil.rmtree(out, ignore_errors=True)
shutil.rmtree(base, ignore_errors=True)
print(f"{strict} of {rows} within 10 %, {right} within 10 % or 16 MB")
sys.exit(right != rows)
