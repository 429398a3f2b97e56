#!/usr/bin/env python3
"""Runs sweeps on a real Slurm (slurmctld, two slurmd, munged) on loopback, in a folder of its own.

    python3 Tests/Sweeps/slurm.py [PROGRAM]

PROGRAM is the built nibble; the one of the test build without it. Needs root and Debian's packages slurm-wlm and munge; where
they are missing it says so and ends with code 0. All daemons are children of this process and are ended by it.
"""

import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

DEADLINE = 60


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(0)


def wait_for(what, condition, seconds=DEADLINE):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {seconds} s")


CONFIGURATION = """\
ClusterName=test
SlurmctldHost=localhost
SlurmctldPort=18117
AuthType=auth/munge
AuthInfo=socket={D}/run/munge.sock
SlurmUser=root
StateSaveLocation={D}/state
SlurmdSpoolDir={D}/spool-%n
SlurmctldPidFile={D}/run/slurmctld.pid
SlurmdPidFile={D}/run/slurmd-%n.pid
SlurmctldLogFile={D}/slurmctld.log
SlurmdLogFile={D}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MailProg=/bin/true
ReturnToService=2
KillWait=3
SchedulerParameters=sched_min_interval=0,batch_sched_delay=0
SlurmdParameters=config_overrides
MaxArraySize=16
NodeName=n1 NodeHostname=localhost NodeAddr=127.0.0.1 Port=18118 CPUs=2
NodeName=n2 NodeHostname=localhost NodeAddr=127.0.0.1 Port=18119 CPUs=2
PartitionName=main Nodes=ALL Default=YES State=UP
"""


class Cluster:
    """Slurm in a folder, found through SLURM_CONF."""

    def __init__(self, folder):
        self.folder = folder
        self.daemons = {}
        os.chmod(folder, 0o755)
        for name in ["run", "state", "spool-n1", "spool-n2"]:
            os.mkdir(f"{folder}/{name}", 0o755)
        key = f"{folder}/munge.key"
        with open(os.open(key, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(os.urandom(128))
        with open(f"{folder}/slurm.conf", "w") as file:
            file.write(CONFIGURATION.format(D=folder))
        os.environ["SLURM_CONF"] = f"{folder}/slurm.conf"

    def start(self, name, *command):
        with open(f"{self.folder}/{name}.out", "ab") as log:
            self.daemons[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def stop(self, name):
        daemon = self.daemons.pop(name)
        daemon.terminate()
        try:
            daemon.wait(20)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()

    def controller(self):
        self.start("slurmctld", "slurmctld", "-D")

    def node(self, name):
        self.start(name, "slurmd", "-D", "-N", name)

    def __enter__(self):
        folder = self.folder
        socket = f"{folder}/run/munge.sock"
        self.start(
            "munged", "munged", "--foreground", f"--key-file={folder}/munge.key", f"--socket={socket}",
            f"--pid-file={folder}/run/munged.pid", f"--log-file={folder}/munged.log",
            f"--seed-file={folder}/run/seed")
        wait_for("munged", lambda: os.path.exists(socket), 20)
        self.controller()
        self.node("n1")
        self.node("n2")
        wait_for("two idle nodes", self.is_idle, 30)
        return self

    def is_idle(self):
        found = subprocess.run(
            ["sinfo", "-h", "-N", "-o", "%T"], capture_output=True, text=True, timeout=30)
        return found.stdout.split() == ["idle", "idle"]

    def __exit__(self, *_):
        subprocess.run(["scancel", "--user=root"], capture_output=True, timeout=30)
        for name in ["n1", "n2", "slurmctld", "munged"]:
            if name in self.daemons:
                self.stop(name)


class Sweep:
    """A sweep in a folder, run by the program."""

    def __init__(self, program, folder, plan):
        self.program = program
        self.folder = folder
        self("plan", plan, "-o", folder, needs_folder=False)

    def __call__(self, command, *arguments, code=0, needs_folder=True):
        words = [self.program, "sweep", command]
        words += ([self.folder] if needs_folder else []) + list(arguments)
        ran = subprocess.run(words, capture_output=True, text=True, timeout=600)
        assert code is None or ran.returncode == code, (
            f"{' '.join(words)}: expected exit code {code}, found {ran.returncode}\n{ran.stdout}{ran.stderr}")
        return ran.stdout

    def results(self):
        return len(glob.glob(glob.escape(self.folder) + "/results/*.json"))

    def collected(self):
        self("collect")
        contents = []
        for name in ["summary.json", "summary.csv"]:
            with open(f"{self.folder}/{name}", "rb") as file:
                contents.append(file.read())
        return contents

    def jobs(self):
        jobs = []
        for path in sorted(glob.glob(glob.escape(self.folder) + "/submit/*.json")):
            with open(path) as file:
                jobs.append(json.load(file).get("job"))
        return jobs

    def queue(self):
        return json.loads(self("status", "--json", code=None)).get("queue")


def plan(tasks):
    """A plan of so many tasks."""
    recipes = ["fp", "W4A16", "KV8", "W8A8"]
    protocols = "".join(
        f'[[protocol]]\nname = "p{n}"\nwindow = {16 + n}\nwindows = 2\n' for n in range(tasks // 4))
    return (
        'models = ["built-in"]\nrecipes = [' + ", ".join(f'"{name}"' for name in recipes) + "]\n"
        + protocols)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    built = glob.glob(f"{here}/../../.build/tests/*/release/nibble")
    program = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else built[0] if built else "none")
    if not os.access(program, os.X_OK):
        skip(f"no program at {program}: build it first")
    if os.geteuid() != 0:
        skip("expected root, which Slurm's daemons are started as")
    for name in ["slurmctld", "slurmd", "munged", "sbatch", "squeue", "scancel", "scontrol"]:
        if shutil.which(name) is None:
            skip(f"no {name}: apt-get install slurm-wlm munge")
    tasks = int(os.environ.get("NIBBLE_SWEEP_TASKS", "24"))
    with tempfile.TemporaryDirectory(prefix="nibble-slurm-") as work:
        # munged's clients must be able to go through it.
        os.chmod(work, 0o755)
        with open(f"{work}/plan.toml", "w") as file:
            file.write(plan(tasks))
        os.mkdir(f"{work}/cluster")
        run(program, work, tasks)


def run(program, work, tasks):
    source = f"{work}/plan.toml"
    local = Sweep(program, f"{work}/local", source)
    start = time.monotonic()
    local("run", "--jobs", "1")
    expected = local.collected()
    print(f"ok   {tasks} tasks, --jobs 1: {time.monotonic() - start:.1f} s")

    pair = Sweep(program, f"{work}/pair", source)
    start = time.monotonic()
    first = subprocess.Popen([program, "sweep", "run", pair.folder, "--jobs", "2"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for("some results", lambda: pair.results() > tasks // 4)
    first.send_signal(signal.SIGKILL)
    first.wait()
    left = tasks - pair.results()
    assert left > 0, "expected tasks that are left"
    pair("resume", "--jobs", "2")
    assert pair.collected() == expected, "--jobs 2: another summary"
    print(f"ok   --jobs 2, kill -9 with {left} left: {time.monotonic() - start:.1f} s, the same bytes")

    with Cluster(f"{work}/cluster") as cluster:
        on_cluster(cluster, program, work, tasks, expected)
    refused = Sweep(program, f"{work}/refused", source)
    refused("slurm", code=4)
    print("ok   no controller: exit code 4")


def on_cluster(cluster, program, work, tasks, expected):
    source = f"{work}/plan.toml"
    # Quotes and blanks in a path, arrays no larger than MaxArraySize, an element of two tasks.
    sweep = Sweep(program, f"{work}/it's on Slurm", source)
    start = time.monotonic()
    sweep("slurm", "--wait", "--poll", "0.2", "--throttle", "3", "--", "--export=NONE")
    assert sweep.collected() == expected, "Slurm: another summary"
    assert len(sweep.jobs()) == (tasks + 15) // 16, sweep.jobs()
    print(f"ok   Slurm, arrays of at most 16, 3 at a time: {time.monotonic() - start:.1f} s, the same bytes")

    # A task is killed, a node goes down, and the rest is handed over again.
    sweep = Sweep(program, f"{work}/broken", source)
    start = time.monotonic()
    sweep("slurm", "--pack", "2", "--baselines-first")
    wait_for("some results", lambda: sweep.results() > 2)
    killed = kill_a_task(sweep)
    subprocess.run(
        ["scontrol", "update", "nodename=n2", "state=down", "reason=test"], check=True, timeout=30)
    wait_for("an empty queue", lambda: not sweep.queue()["jobs"], 120)
    # With ReturnToService=2 the node may be back by itself, and is then not to be resumed.
    subprocess.run(
        ["scontrol", "update", "nodename=n2", "state=resume"], capture_output=True, timeout=30)
    wait_for("two idle nodes", cluster.is_idle)
    left = tasks - sweep.results()
    sweep("resume", "--slurm", "--wait", "--poll", "0.2")
    assert sweep.collected() == expected, "Slurm after kill -9: another summary"
    print(f"ok   kill -9 of {killed} and a node down, {left} left and handed over again: "
          f"{time.monotonic() - start:.1f} s, the same bytes")

    # What is in the queue is not handed over twice, and can be cancelled.
    sweep = Sweep(program, f"{work}/cancelled", source)
    sweep("slurm", "--", "--begin=now+1hour")
    sweep("slurm", code=1)
    assert sweep.queue()["pending"] == tasks, sweep.queue()
    sweep("cancel")
    wait_for("an empty queue", lambda: not sweep.queue()["jobs"])
    sweep("slurm", "--pack", "8", "--wait", "--poll", "0.2")
    assert sweep.collected() == expected
    print("ok   cancelled, handed over again: the same bytes")

    # SIGUSR1 is how the end of the time is told: what is done stays, and the rest is run again.
    sweep = Sweep(program, f"{work}/stopped", source)
    sweep("slurm", "--pack", str(tasks))
    wait_for("a first result", lambda: sweep.results() > 0)
    subprocess.run(
        ["scancel", "--signal=USR1", "--batch", str(sweep.jobs()[0])], check=True, timeout=30)
    wait_for("an empty queue", lambda: not sweep.queue()["jobs"])
    done = sweep.results()
    assert 0 < done < tasks, done
    logs = "".join(open(path).read() for path in glob.glob(f"{sweep.folder}/logs/*.log"))
    assert "stopped by SIGUSR1" in logs, logs
    sweep("resume", "--slurm", "--wait", "--poll", "0.2")
    assert sweep.collected() == expected
    print(f"ok   SIGUSR1 after {done} of {tasks}: the rest handed over again, the same bytes")

    # What sbatch refuses is told, with its own words.
    sweep = Sweep(program, f"{work}/no partition", source)
    sweep("slurm", "--", "--partition=none", code=4)
    sweep("slurm", "--", "--array=0-1", code=2)
    print("ok   refusals: exit codes 4 and 2")


def kill_a_task(sweep):
    """Ends the process of a task by force, as a node without memory does."""
    found = []

    def look():
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(path, "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if len(words) > 3 and words[1:3] == [b"sweep", b"task"] and words[3] == sweep.folder.encode():
                found.append(int(path.split("/")[2]))
                return True
        return False

    wait_for("a task at work", look)
    try:
        os.kill(found[0], signal.SIGKILL)
    except ProcessLookupError:
        return "no task, it had just ended,"
    return "a task"


if __name__ == "__main__":
    main()
