#!/usr/bin/env python3
"""`nibble quantize` killed at random points: its output is whole or absent, and what was there before is still there.

For each format the run is timed once, then started again and again and killed (SIGKILL) at a random moment of it, most of them
while the directory is being written, which its temporary name in the folder shows. After each kill: OUTPUT is absent, or every file of it has the
hash that nibble.json tells; the user's own files next to it, one of them called OUTPUT.unfinished in every second round, have not
changed. At the end a run that nobody kills must succeed in the same folder. Ends with 1 where anything of that fails.

    python3 Tests/Peers/export_killed.py --folder DIR [--nibble PATH] [--model MODEL] [--rounds N] [--formats F ...]
"""
import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

FORMATS = {
    "compressed-tensors": ["--weights", "rtn:4:64"], "compressed-tensors:nvfp4": [], "gptq": ["--weights", "rtn:4:64"],
    "awq": ["--weights", "rtn:4:64"], "gguf": ["--weights", "rtn:4:32"], "gguf:Q4_K": [], "gguf:F32": [],
    "onnx": ["--weights", "rtn:4:64"],
}


def digest(path):
    return hashlib.sha256(open(path, "rb").read()).hexdigest()


def whole(path):
    """None where the directory is as its manifest says, else what is wrong."""
    manifest = os.path.join(path, "nibble.json")
    if not os.path.exists(manifest):
        return "no nibble.json"
    told = {entry["name"]: entry["sha256"] for entry in json.load(open(manifest))["files"]}
    found = {name: digest(os.path.join(path, name)) for name in os.listdir(path) if name != "nibble.json"}
    return None if told == found else f"files differ from the manifest: {sorted(set(told) ^ set(found)) or 'hashes'}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--nibble", default="nibble")
    parser.add_argument("--model")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--formats", nargs="*", default=list(FORMATS))
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    failed = []
    print("| format | killed | of them while writing | output absent | output whole | leftovers under hidden names |\n|---|---|---|---|---|---|",
          flush=True)
    for kind in arguments.formats:
        folder = os.path.join(arguments.folder, kind.replace(":", "-"))
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        output = os.path.join(folder, "out")
        mine = {os.path.join(folder, "mine.txt"): "mine", os.path.join(folder, "out.txt"): "also mine"}
        for path, text in mine.items():
            open(path, "w").write(text)
        command = [arguments.nibble, "quantize"] + ([arguments.model] if arguments.model else []) + [
            "-o", output, "--format", kind, "--threads", "1"] + FORMATS[kind]
        quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        start = time.time()
        subprocess.run(command, check=True, **quiet)
        seconds = time.time() - start
        shutil.rmtree(output)
        counts = dict(killed=0, writing=0, absent=0, whole=0, left=0)
        for turn in range(arguments.rounds):
            foreign = output + ".unfinished"
            shutil.rmtree(foreign, ignore_errors=True)
            shutil.rmtree(output, ignore_errors=True)
            for name in os.listdir(folder):
                if name.startswith("."):
                    shutil.rmtree(os.path.join(folder, name), ignore_errors=True)
            if turn % 2:
                os.makedirs(output)  # An empty directory of the user's is taken over, or stays.
            child = subprocess.Popen(command, **quiet)
            if turn % 4:
                # Wait until the temporary directory is there, then a moment more.
                deadline = time.time() + 20 * seconds
                while child.poll() is None and time.time() < deadline and not any(
                        name.startswith(".") for name in os.listdir(folder)):
                    time.sleep(0.0005)
                time.sleep(random.random() * 0.1 * seconds)
            else:
                time.sleep(random.random() * seconds)
            writing = any(name.startswith(".") for name in os.listdir(folder))
            if child.poll() is None:
                child.send_signal(signal.SIGKILL)
                counts["killed"] += 1
                counts["writing"] += writing
            child.wait()
            empty = os.path.isdir(output) and not os.listdir(output)
            if not os.path.exists(output) or (empty and turn % 2):
                counts["absent"] += 1
            else:
                wrong = whole(output)
                counts["whole"] += wrong is None
                if wrong:
                    failed.append(f"{kind}, round {turn}: {wrong}")
            counts["left"] += sum(name.startswith(".") for name in os.listdir(folder))
            for path, text in mine.items():
                if open(path).read() != text:
                    failed.append(f"{kind}, round {turn}: {path} changed")
        # What a user's folder of that name holds is neither written to nor removed.
        shutil.rmtree(output, ignore_errors=True)
        shutil.rmtree(output + ".unfinished", ignore_errors=True)
        os.makedirs(output + ".unfinished")
        open(output + ".unfinished/thesis.txt", "w").write("years")
        if subprocess.run(command, **quiet).returncode == 0 or open(output + ".unfinished/thesis.txt").read() != "years":
            failed.append(f"{kind}: a user's folder out.unfinished was taken")
        shutil.rmtree(output + ".unfinished")
        subprocess.run(command, check=True, **quiet)
        if whole(output):
            failed.append(f"{kind}: after the kills: {whole(output)}")
        print(f"| {kind} | {counts['killed']} of {arguments.rounds} | {counts['writing']} | {counts['absent']} | {counts['whole']} | "
              f"{counts['left']} |", flush=True)
    for line in failed:
        print("FAILED", line)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
