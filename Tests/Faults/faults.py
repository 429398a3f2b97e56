#!/usr/bin/env python3
"""What kills and full disks leave behind.

faults.py kill NIBBLE [COUNT]   kills each writing command COUNT times (100) at random moments: the artifact is whole or absent, a run
                                that resumes writes the same bytes as one that was left alone, and no temporary name stays behind.
faults.py disk NIBBLE           lets the n-th write, sync or rename of each command fail for n = 1, 2, 3 ... until a run has none that
                                fails: exit 1 with a line that says so, and the artifact whole or absent.
faults.py memory NIBBLE         runs methods on a wide model under ever less address space (`ulimit -v`), from what they take alone down to
                                where the program itself does not start: each run ends by its own word, 0, or 1 with the bytes that were
                                refused, and none is ended by a signal down to twice what the program takes at rest.

On a model with random weights that `nibble synthesize` writes. Exit 1 if anything is not so.
"""
import errno, hashlib, os, pty, random, re, shutil, signal, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
nibble = os.path.abspath(sys.argv[2])
base = tempfile.mkdtemp(prefix="nibble-faults-")
environment = dict(os.environ, SWIFT_BACKTRACE="enable=no", XDG_DATA_HOME=f"{base}/data", XDG_CACHE_HOME=f"{base}/cache", XDG_STATE_HOME=f"{base}/state")
random.seed(1)
SMALL = ["--hidden-size", "256", "--intermediate-size", "512", "--heads", "4", "--kv-heads", "2", "--head-dimension", "64", "--vocabulary", "2048", "--context", "512", "--threads", "1"]
wrong = []


def fault(words):
    wrong.append(words)
    print("  NOT SO:", words, flush=True)


def run(arguments, **more):
    return subprocess.run([nibble, *arguments], capture_output=True, text=True, errors="replace", env=dict(environment, **more))


def sums(path):
    """Of every file of a folder, or of a file."""
    if os.path.isfile(path): return hashlib.sha256(open(path, "rb").read()).hexdigest()
    return {os.path.relpath(os.path.join(folder, name), path): hashlib.sha256(open(os.path.join(folder, name), "rb").read()).hexdigest()
            for folder, _, names in os.walk(path) for name in names}


def leftovers(folder): return [name for name in os.listdir(folder) if name.endswith(".tmp")]


def forget(*paths):
    for path in paths:
        if os.path.isdir(path): shutil.rmtree(path)
        elif os.path.exists(path): os.remove(path)


model = f"{base}/model"
made = run(["synthesize", model, "--blocks", "6", "--seed", "1", *SMALL])
if made.returncode: sys.exit(f"synthesize: {made.stderr}")
out = f"{base}/out"
quick = ["--samples", "4", "--sample-length", "64", "--threads", "1"]
quantize = ["quantize", model, "-o", out, "--weights", "gptq:4:32", *quick]
export = ["quantize", model, "-o", out, "--weights", "rtn:4:32", "--format", "gguf", *quick]
choose = ["choose", model, "--windows", "2", "--time", "20s", "--threads", "1", "--save", f"{out}.toml", "--samples", "2", "--sample-length", "32", "--generate", "4", "--prompt", "16", "--context", "64"]


def killed(arguments, longest, count, path, resumable):
    """Kills a command and looks at what there is."""
    forget(path, f"{out}.unfinished")
    whole = run(arguments)
    if whole.returncode not in (0, 3): return fault(f"{arguments[0]} alone: exit {whole.returncode}: {whole.stderr[-300:]}")
    right = sums(path) if os.path.exists(path) else None
    done = {"absent": 0, "whole": 0, "resumed": 0}
    for _ in range(count):
        forget(path, f"{out}.unfinished")
        child = subprocess.Popen([nibble, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
        time.sleep(random.random() * longest)
        child.kill()
        child.wait()
        if os.path.exists(path):
            done["whole"] += 1
            if resumable and sums(path) != right: fault(f"{arguments[0]}: another artifact after a kill")
        else:
            done["absent"] += 1
            again = arguments + (["--resume"] if resumable and os.path.exists(f"{out}.unfinished/state.json") else [])
            done["resumed"] += "--resume" in again
            ended = run(again)
            if ended.returncode not in (0, 3): fault(f"{arguments[0]}: after a kill exit {ended.returncode}: {ended.stderr[-300:]}")
            elif resumable and sums(path) != right: fault(f"{arguments[0]}: a run that goes on writes other bytes")
        if leftovers(base): fault(f"{arguments[0]}: left {leftovers(base)}"); forget(*[f"{base}/{name}" for name in leftovers(base)])
    print(f"{arguments[0]} {' '.join(arguments[-2:])}: {count} kills within {longest:.2f} s: {done}", flush=True)


def seconds(arguments, path):
    forget(path, f"{out}.unfinished")
    start = time.time()
    run(arguments)
    return time.time() - start


def recorded(count):
    """Kills the workbench while it records; what it wrote plays."""
    folder, played = f"{base}/recordings", 0
    for _ in range(count):
        forget(folder)
        child, terminal = pty.fork()
        if child == 0:
            os.environ.update(environment, TERM="xterm-256color")
            os.execv(nibble, [nibble, model, "--sessions", folder, "--title", "killed", "--threads", "1"])
        time.sleep(0.8)
        for key in b"1234567890":
            time.sleep(random.random() * 0.05)
            os.write(terminal, bytes([key]))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(terminal)
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            ended = run(["replay", f"{folder}/{name}", "--headless", "--at", "end", "--size", "80x24"])
            played += 1
            if ended.returncode: fault(f"a killed recording does not play: {ended.stderr[-300:]}")
    if not played: fault("no recording was begun before its program was killed")
    print(f"record: {count} kills, {played} recordings play", flush=True)


def kill():
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 100
    for arguments, path, resumable in [(quantize, out, True), (export, out, True), (choose, f"{out}.toml", False)]:
        killed(arguments, seconds(arguments, path), count, path, resumable)
    recorded(count)


def disk():
    shim = f"{base}/failing_writes.so"
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", shim, f"{HERE}/failing_writes.c", "-ldl"], check=True)
    for arguments, path in [(quantize, out), (export, out), (["synthesize", f"{base}/other", "--blocks", "1", *SMALL], f"{base}/other")]:
        forget(path, f"{out}.unfinished")
        if run(arguments).returncode: return fault(f"{arguments[0]} alone fails")
        right, number, failed = sums(path), 0, 0
        while True:
            number += 1
            forget(path, f"{out}.unfinished")
            ended = run(arguments, LD_PRELOAD=shim, FAIL_AT=str(number), FAIL_WITH=str(errno.ENOSPC), FAIL_ON="1", FAIL_REPORT=f"{base}/calls")
            if int(open(f"{base}/calls").read()) < number: break
            if ended.returncode == 0:
                # What is no artifact, such as a cache, may be lost.
                if sums(path) != right: fault(f"{arguments[0]}, call {number}: exit 0 and other bytes")
                continue
            failed += 1
            if ended.returncode != 1 or "nibble:" not in ended.stderr: fault(f"{arguments[0]}, call {number}: exit {ended.returncode}, {ended.stderr[-200:]}")
            if "No space left" not in ended.stderr: fault(f"{arguments[0]}, call {number}: {ended.stderr[-200:]}")
            if os.path.exists(path) and sums(path) != right: fault(f"{arguments[0]}, call {number}: half an artifact")
            if leftovers(base): fault(f"{arguments[0]}, call {number}: left {leftovers(base)}"); forget(*[f"{base}/{name}" for name in leftovers(base)])
        print(f"{arguments[0]} {' '.join(arguments[-2:])}: the disk full at each of {number - 1} calls, {failed} runs ended by it", flush=True)


def memory():
    wide = f"{base}/wide"
    made = run(["synthesize", wide, "--blocks", "1", "--seed", "1", "--hidden-size", "1024", "--intermediate-size", "4096", "--heads", "8", "--kv-heads", "2", "--head-dimension", "128",
                "--vocabulary", "2048", "--context", "512", "--threads", "1"])
    if made.returncode: sys.exit(f"synthesize: {made.stderr}")

    def limited(megabytes, arguments):
        forget(out, f"{out}.unfinished")
        return subprocess.run(["sh", "-c", f'ulimit -v {megabytes * 1024}; exec "$0" "$@"', nibble, *arguments], capture_output=True, text=True, errors="replace", env=environment)

    rest = next(size for size in range(8, 4096, 8) if limited(size, ["quantize", "--help"]).returncode == 0)
    print(f"at rest: {rest} MB of addresses", flush=True)
    for recipe in [["--weights", "rtn:4:32"], ["--weights", "gptq:4:32"], ["--weights", "awq:4:32"], ["--weights", "hqq:4:32"], ["--activations", "smoothquant"], ["--activations", "llm.int8"]]:
        arguments = ["quantize", wide, "-o", out, *recipe, *quick]
        counts, signals, others = {"whole": 0, "refused": 0, "otherwise": 0}, [], set()
        for size in range(792, rest, -24):
            ended = limited(size, arguments)
            if ended.returncode == 0: counts["whole"] += 1
            elif ended.returncode == 1 and re.search(r"expected \d+ bytes of memory", ended.stderr): counts["refused"] += 1
            elif ended.returncode > 0 and ended.returncode < 128 and "nibble:" in ended.stderr:
                counts["otherwise"] += 1
                others.add(re.sub(r"[0-9.]+", "N", ended.stderr.strip().splitlines()[-1])[:160])
            else: signals.append((size, ended.returncode))
            if ended.returncode and os.path.exists(out): fault(f"{recipe}: half an artifact at {size} MB")
        print(f"{' '.join(recipe)}: {counts} {sorted(others)}, ended by the system at {signals}", flush=True)
        if any(size >= 2 * rest for size, _ in signals): fault(f"{' '.join(recipe)}: ended by the system at {signals}")


{"kill": kill, "disk": disk, "memory": memory}[sys.argv[1]]()
shutil.rmtree(base, ignore_errors=True)
print(f"{len(wrong)} things are not so" if wrong else "all is as it should be")
sys.exit(bool(wrong))
