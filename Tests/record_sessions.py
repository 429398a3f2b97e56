"""Records the shipped sessions anew: types the keys of each into the program of today, in tmux, and keeps what it recorded.

    python3 Tests/record_sessions.py PROGRAM [SESSION...]

PROGRAM is a built `nibble`; without names every file of `Sessions` is recorded. A key is typed when all jobs have finished that
had finished before it in the old recording. A session that opened a model of its own needs it in the current folder:
`nibble synthesize tinyllama-1.1b --shape tinyllama-1.1b` makes that of `batch-crossover`. Needs tmux. The new file takes the place of
the old one, under its title.
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
NAMES = {"enter": "Enter", "home": "Home", "end": "End", "up": "Up", "down": "Down", "left": "Left", "right": "Right",
         "space": "Space", "esc": "Escape", "tab": "Tab", "backspace": "BSpace", "pageup": "PPage", "pagedown": "NPage"}


def entries(path):
    """What happened in a recording, in order: ("key", name, at) and ("finished", job, at); and the header."""
    header, found = None, []
    for line in open(path, encoding="utf-8"):
        try:
            entry = json.loads(line)
        except ValueError:
            break  # The line is being written.
        if header is None:
            header = entry
            continue
        message = entry.get("message", {})
        if "launch" in message:
            found.append(("launch", message["launch"].get("model"), entry["at"]))
        key = message.get("input", {}).get("event", {}).get("key")
        if key:
            found.append(("key", key["press"], entry["at"]))
        finished = message.get("job", {}).get("event", {}).get("finished")
        if finished:
            found.append(("finished", finished["job"], entry["at"]))
        # A long message lies in parts; its last one has no word of the job.
        if "part" in entry and '"finished"' in entry["part"]["text"] and '"job":"' in entry["part"]["text"]:
            job = entry["part"]["text"].split('"finished"')[1].split('"job":"')[1].split('"')[0]
            found.append(("finished", job, entry["at"]))
    return header, found


def record(program, path):
    header, old = entries(path)
    model = next((what for kind, what, _ in old if kind == "launch"), None)
    with tempfile.TemporaryDirectory() as home:
        name = f"record{os.getpid()}"
        command = ["env", f"XDG_DATA_HOME={home}", "COLORTERM=truecolor", program] + ([model] if model else [])
        subprocess.run(["tmux", "-L", name, "new-session", "-d", "-x", str(header["size"]["width"]), "-y",
                        str(header["size"]["height"]), shlex.join(command)], check=True)
        time.sleep(2)
        wanted, before, recorders = collections.Counter(), 0, 0
        for kind, what, at in old:
            if kind == "finished":
                wanted[what] += 1
                continue
            if kind != "key":
                continue
            wait_for(wanted, home, path)
            time.sleep(min(max((at - before) / 1000, 0.3), 6))
            before = at
            subprocess.run(["tmux", "-L", name, "send-keys", NAMES.get(what, what)], check=True)
            recorders += what == "r"
            # The first `r` begins a recording, the next one ends it.
            if what == "q" or recorders == 2:
                break
            # What finishes right after the key counts for the next one.
            before = max(before, at)
        time.sleep(2)
        subprocess.run(["tmux", "-L", name, "kill-server"])
        new = pathlib.Path(recording(home))
        lines = new.read_text(encoding="utf-8").splitlines(keepends=True)
        fresh = json.loads(lines[0])
        fresh["title"] = header["title"]
        lines[0] = json.dumps(fresh, separators=(",", ":"), sort_keys=True, ensure_ascii=False) + "\n"
        pathlib.Path(path).write_text(without_places("".join(lines), home, path), encoding="utf-8")
    print(f"{path}: {len(lines)} lines, {sum(wanted.values())} jobs", flush=True)


def without_places(text, home, path):
    """The text of a recording with the paths of shipped sessions and of its own file as they are anywhere."""
    text = re.sub(r'"[^"]*/nibble_Workbench\.resources/Sessions/', '"Sessions/', text)
    text = re.sub(re.escape(home) + r"/nibble/Sessions/", "", text)
    left = re.search(r'"path":"(/[^"]*)"', text) or re.search(re.escape(home) + r'[^"]*', text)
    if left:
        sys.exit(f"{path}: expected no path of this machine in the recording, found {left.group()}")
    return text


def recording(home):
    return next(iter(glob.glob(f"{home}/**/*.session", recursive=True)), None)


def wait_for(wanted, home, path):
    """Until every job has finished as often as it had in the old recording."""
    end = time.time() + 600
    while time.time() < end:
        file = recording(home)
        if file is None:
            return  # It begins with the first key.
        found = collections.Counter(what for kind, what, _ in entries(file)[1] if kind == "finished")
        if all(found[job] >= count for job, count in wanted.items()):
            return
        time.sleep(0.3)
    sys.exit(f"{path}: waited ten minutes for {dict(wanted)}")


program = os.path.abspath(sys.argv[1])
for path in sys.argv[2:] or sorted(glob.glob(str(HERE.parent / "Sessions" / "*.session"))):
    record(program, path)
