"""Records the shipped sessions anew: types the keys of a script into the program of today, in tmux, and keeps what it recorded.

    python3 Tests/record_sessions.py PROGRAM [SESSION...]
    python3 Tests/record_sessions.py --marks batch-crossover

PROGRAM is a built `nibble`; without names every script is recorded. A script is a text: keys by name, `@JOB` waits until that job
has finished once more, `~SECONDS` waits, `"TEXT"` types, `[MARKER]` and `(NOTE)` put a marker and a note there. A session on a
model of its own needs it in the current folder, under the name its script gives: `nibble synthesize tinyllama-1.1b --shape
tinyllama-1.1b` makes that of `batch-crossover`, `smollm2-135m` is the published SmolLM2-135M. Needs tmux. The new file takes the
place of the old one; RECORD_PATIENCE says how many seconds a job may take. With --marks a recording stays, and gets the markers
and notes of MARKS.
"""

import collections
import glob
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SESSIONS = HERE.parent / "Sessions"
NAMES = {"enter": "Enter", "home": "Home", "end": "End", "up": "Up", "down": "Down", "left": "Left", "right": "Right",
         "space": "Space", "esc": "Escape", "tab": "Tab", "backspace": "BSpace", "pageup": "PPage", "pagedown": "NPage",
         "ctrl+u": "C-u"}

# What a file is called, its title, the model, and what is typed.
SCRIPTS = {
    "kv-caches": ("KV cache: seven caches at depth, and why unbiased is not better", None, """
        [The plan] (The plan of this model. K compares caches, each with the FP16 cache next to it on the same tokens.) ~2 K ~2
        [Seven caches] enter @caches ~2 (KL over bytes: what lies below left is better.) down down down down down down up
        [Head by head] (Attention's output with keys and values quantized, by block and KV head; , takes keys alone, values
        alone, the scores.) enter ~2 , ~2 , ~2
        """),
    "outlier-lab": ("Why weights of few bits cannot fix activation outliers", None, """
        [The survey] (How far the inputs of each layer reach, channel by channel.) O ~2 enter @outliers ~1 down down
        [Planted] (Outliers are planted: the function of the model stays as it was, its activations do not.) ! @planting ~2
        i @outliers ~2 down down down right right
        [The lab] (Every method on models with more and more outliers; weight-only methods leave the range as it is.) v ~1 m
        @outlier-lab ~2 right right right ~2
        """),
    "batch-crossover": ("Batch: W4A16 wins alone, W8A8 in company (1.1B, made-up weights)", "tinyllama-1.1b", """
        [The plan] ~2 C ~1 down down left left left down left down left left
        [The race] (Each form decodes at every batch, in turns, so that a slow minute slows all of them.) enter @batch ~2
        [Who wins where] (At batch 1 what is read binds, at 32 arithmetic does: another form wins.) down right right right v ~1 v ~1
        v ~1 down down right right right ~2
        """),
    "gptq-vs-awq": ("GPTQ against AWQ at 3 bits: which error is smaller, and what it is worth", None, """
        [The methods] (Both look at calibration text: GPTQ pushes errors on, AWQ protects channels.) 3 ~2
        [GPTQ at 3 bits] space tab left ~1 enter @quantize ~2 (The error of each layer, as the layers come.) 6 ~1 enter @evaluate ~2
        8 s @save ~2
        [AWQ at 3 bits] 3 tab tab down space tab left ~1 enter @quantize ~2 6 ~1 enter @evaluate ~2 8 s @save ~2
        [Side by side] (Two runs of the same model on the same text; KL is the distance to full precision.) 9 ~2 down ~3
        """),
    "budget": ("A budget of bits: which layers get more", None, """
        [The budget] (3.5 bits a weight for all layers together; which of them should have more?) 3 ~1 space ~1 B ~1
        e ctrl+u "3.5" enter down e ctrl+u "8" enter ~1
        [Spending it] (Each layer is measured alone at every width.) up enter @allocate ~3
        [Who got what] (The mix is held against the same bits for all.) tab down down down right right ~2 u ~3
        """),
    "providers": ("Providers: the same file, with and without its kernel", None, """
        [Quantized] (A file of 4-bit weights; what runs it decides how fast it is.) 3 ~1 end space ~1 enter @quantize ~1
        [Every provider] (The same weights under plain C, AVX2 and AVX-512, then with their own kernel taken away: BF16 stands in.) P ~2
        enter @providers ~3
        [Prefill] (Decode reads weights, prefill multiplies: other kernels, another picture.) v ~3
        """),
    "choose": ("Choose: one recipe for a chat, and what it was chosen from", None, """
        [The workload] (A chat: short prompts, long answers, one request.) 2 ~1 down down down e ctrl+u "64" enter down e ctrl+u "512" enter ~2
        [The limits] D ~2 down down e ctrl+u "8" enter down e ctrl+u "3" enter ~1
        [The race] (Those that cannot win leave early; the others are timed in turns with the baseline.) enter @choose ~3
        [The recipe] (The table is the receipt: every candidate with its KL, bytes and time, and why it stands there.) tab down down
        down ~2 u ~3
        """),
    "real-checkpoint": ("A real checkpoint: SmolLM2-135M, weights in 4 bits, from the plan to the verdict", "smollm2-135m", """
        [The model] (135 million parameters as published, opened as it is.) ~2
        [The plan] (Which of weights, activations and cache binds under this workload.) 2 ~3
        [The method] 3 ~2 end space ~1 enter @quantize ~3 [Errors] (Each cell is a layer: how far its output is from what it was.) 5 ~1 v ~2
        [Quality] (KL to the model as it was, on text it has not seen; the noise floor is what BF16 alone moves.) 6 ~1 enter @evaluate ~3
        [Speed] (The planned workload, quantized and as it was, in turns.) 7 ~1 enter @bench ~3
        [The verdict] (What was bought, and what it cost.) 8 ~4
        """),
}


def entries(path):
    """The lines of a recording that are whole."""
    found = []
    for line in open(path, encoding="utf-8"):
        try:
            found.append((json.loads(line), line))
        except ValueError:
            break  # The line is being written.
    return found


def finished(path):
    """How often each job has finished in a recording."""
    jobs = collections.Counter()
    for entry, _ in entries(path):
        event = entry.get("message", {}).get("job", {}).get("event", {}).get("finished")
        if event:
            jobs[event["job"]] += 1
        # A long message lies in parts; the first one has the word of the job, at its end or at its beginning.
        text = entry.get("part", {}).get("text", "")
        if '"finished"' in text and '"job":"' in text:
            jobs[text.split('"finished"')[1].split('"job":"')[1].split('"')[0]] += 1
    return jobs


def steps(script):
    return re.findall(r'\[[^\]]+\]|\((?:[^()]|\([^()]*\))+\)|"[^"]*"|\S+', script)


def record(program, name):
    title, model, script = SCRIPTS[name]
    with tempfile.TemporaryDirectory() as home:
        socket = f"record{os.getpid()}"
        tmux = ["tmux", "-L", socket]
        command = ["env", f"XDG_DATA_HOME={home}", f"XDG_STATE_HOME={home}/state", "COLORTERM=truecolor", program,
                   "--title", title] + ([model] if model else [])
        subprocess.run(tmux + ["new-session", "-d", "-x", "100", "-y", "30", shlex.join(command)], check=True)
        file = None
        while file is None:
            time.sleep(0.2)
            file = next(iter(glob.glob(f"{home}/**/*.session", recursive=True)), None)
        wait(file, "plan", 1, name)
        time.sleep(2)
        added, counted = [], collections.Counter(finished(file))
        for step in steps(script):
            if step[0] in "[(":
                kind = "marker" if step[0] == "[" else "note"
                added.append((len(entries(file)), {kind: " ".join(step[1:-1].split())}))
            elif step[0] == "@" and len(step) > 1:
                counted[step[1:]] += 1
                wait(file, step[1:], counted[step[1:]], name)
                time.sleep(0.7)
            elif step[0] == "~" and len(step) > 1:
                time.sleep(float(step[1:]))
            else:
                keys = ["-l", step[1:-1]] if step[0] == '"' else [NAMES.get(step, step)]
                subprocess.run(tmux + ["send-keys"] + keys, check=True)
                time.sleep(0.8)
        time.sleep(1.5)
        subprocess.run(tmux + ["send-keys", "r"])
        time.sleep(1)
        subprocess.run(tmux + ["kill-server"])
        text = "".join(thinned(with_marks(entries(file), added)))
        (SESSIONS / f"{name}.session").write_text(without_places(text, home, name), encoding="utf-8")
    print(f"{name}: {text.count(chr(10))} lines, {len(text)} bytes, {sum(finished(SESSIONS / f'{name}.session').values())} jobs",
          flush=True)


def thinned(lines):
    """The lines without progress that comes less than a second after other progress of the same job: long jobs tell it often."""
    last = {}
    for line in lines:
        entry = json.loads(line)
        told = entry.get("message", {}).get("job", {}).get("event", {}).get("progressed")
        if told is not None:
            job = told["id"]["number"]
            if entry["at"] - last.get(job, -1000) < 1000:
                continue
            last[job] = entry["at"]
        yield line


def with_marks(lines, added):
    """The lines with markers and notes where they were put; what has no line before it stands after the header."""
    at = 0
    for number, (entry, line) in enumerate(lines):
        yield line
        at = entry.get("at", at)
        for place, what in added:
            if max(place, 1) == number + 1:
                yield json.dumps({"at": at} | what, ensure_ascii=False, separators=(",", ":")) + "\n"


def without_places(text, home, name):
    """The text of a recording with the paths of shipped sessions and of its own file as they are anywhere."""
    text = re.sub(r'"[^"]*/nibble_Workbench\.resources/Sessions/', '"Sessions/', text)
    text = re.sub(re.escape(home) + r"/nibble/Sessions/", "", text)
    text = re.sub(re.escape(home) + r"/nibble/", "", text)
    left = re.search(r'"path":"(/[^"]*)"', text) or re.search(re.escape(home) + r'[^"]*', text)
    if left:
        sys.exit(f"{name}: expected no path of this machine in the recording, found {left.group()}")
    return text


def wait(file, job, count, name):
    end = time.time() + float(os.environ.get("RECORD_PATIENCE", "1500"))
    while finished(file)[job] < count:
        if time.time() > end:
            sys.exit(f"{name}: waited in vain for {job} to finish {count} times; there are {dict(finished(file))}")
        time.sleep(0.3)


# Markers and notes of recordings that stand, since they take an idle machine or a stop of a lesson names their times: after the
# n-th report of a job, or the n-th press of a key.
MARKS = {
    "batch-crossover": [
        ("plan 1", [("marker", "The plan"), ("note", "1.1 billion parameters: alone, what is read of the weights binds.")]),
        ("key C 1", [("note", "C times batches: the forms of the weights, the sizes of the batch, the tokens of each.")]),
        ("key enter 1", [("marker", "The race"),
                         ("note", "Each form decodes at every batch, in turns, so that a slow minute slows all of them.")]),
        ("batch 1", [("marker", "Who wins where"),
                     ("note", "At batch 1 what is read binds, at 32 arithmetic does: another form wins.")]),
        ("key v 1", [("marker", "Each sequence"),
                     ("note", "The same steps seen by one sequence: company slows all of them.")]),
        ("key v 2", [("marker", "Share of the limit"),
                     ("note", "How much of what memory and arithmetic allow each form reaches.")]),
    ],
}


def mark(name):
    """Puts its markers and notes into a recording that stands."""
    path = SESSIONS / f"{name}.session"
    lines = [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True)
             if not re.match(r'\{"at":\d+,"(marker|note)"', line)]
    out, seen, at, open_part = [], collections.Counter(), 0, None
    for line in lines:
        entry = json.loads(line)
        at = entry.get("at", at)
        out.append(line)
        part = entry.get("part")
        text = (line if part is None else part["text"]).replace('\\"', '"')
        place = None
        if '"finished"' in text and '"job":"' in text:
            open_part = text.split('"finished"')[1].split('"job":"')[1].split('"')[0]
        if open_part and (part is None or part["index"] == part["count"] - 1):
            place, open_part = open_part, None
        key = entry.get("message", {}).get("input", {}).get("event", {}).get("key")
        if key:
            place = f"key {key['press']}"
        if place is None:
            continue
        seen[place] += 1
        for wanted, texts in MARKS[name]:
            if wanted == f"{place} {seen[place]}":
                out += [json.dumps({"at": at, kind: text}, ensure_ascii=False, separators=(",", ":")) + "\n"
                        for kind, text in texts]
    path.write_text("".join(out), encoding="utf-8")


if __name__ == "__main__":
    program = os.path.abspath(sys.argv[1])
    for name in sys.argv[2:] or SCRIPTS:
        if sys.argv[1] == "--marks":
            mark(name)
        else:
            record(program, name)
