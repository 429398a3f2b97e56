#!/usr/bin/env python3
"""exits.py NIBBLE [TERM...]: leaves the workbench in every way there is, and looks at what the terminal is like afterwards.

In tmux, for each TERM (tmux-256color and xterm-256color without one). After each way the screen is the shell's again with what stood
there before, `stty -a` says what it said, no mouse is asked for, the cursor shows, and the exit code is what the documents say. Before
each way the same questions have the other answers, so that a look that sees nothing is told. Exit 1 if anything is not so.
"""
import os, shutil, signal, subprocess, sys, tempfile, time

nibble = os.path.abspath(sys.argv[1])
terms = sys.argv[2:] or ["tmux-256color", "xterm-256color"]
base = tempfile.mkdtemp(prefix="nibble-exits-")
socket = f"exits{os.getpid()}"
configuration = f"{base}/tmux.conf"
wrong = []
# What tmux knows of a pane, by the answer after the program is gone. The scroll region is the whole screen again.
FLAGS = {"alternate_on": "0", "mouse_any_flag": "0", "mouse_all_flag": "0", "mouse_sgr_flag": "0", "mouse_utf8_flag": "0", "cursor_flag": "1",
         "keypad_flag": "0", "keypad_cursor_flag": "0", "insert_flag": "0", "origin_flag": "0", "wrap_flag": "1", "scroll_region_upper": "0",
         "scroll_region_lower": "29"}
# Opens Choose and begins a race.
BUSY = ["D", "Enter"]


def tmux(*arguments):
    return subprocess.run(["tmux", "-L", socket, "-f", configuration, *arguments], capture_output=True, text=True).stdout


def screen(): return tmux("capture-pane", "-p")


def flags(): return dict(zip(FLAGS, tmux("display", "-p", " ".join("#{%s}" % name for name in FLAGS)).split()))


def until(what, seconds=20):
    """Waits until something is so, and says whether it came to be."""
    end = time.time() + seconds
    while time.time() < end:
        if what(): return True
        time.sleep(0.05)
    return False


def keys(*names):
    for name in names:
        tmux("send-keys", name)
        time.sleep(0.25)


def program():
    """The process id of the workbench, the child of the pane's shell."""
    shell = tmux("display", "-p", "#{pane_pid}").strip() or "0"
    found = subprocess.run(["pgrep", "-P", shell], capture_output=True, text=True).stdout.split()
    return int(found[0]) if found else None


def end():
    """Ends tmux, and waits until it is gone, since the next one takes its name."""
    tmux("kill-server")
    until(lambda: subprocess.run(["tmux", "-L", socket, "list-sessions"], capture_output=True).returncode != 0, 5)
    time.sleep(0.2)


def send(*numbers, pause=0.0):
    def act():
        for number in numbers:
            target = program()
            if target is None: return
            try: os.kill(target, number)
            except ProcessLookupError: pass
            time.sleep(pause)
    return act


def press(*names): return lambda: keys(*names)


def left():
    """Presses q, and y where the program asks since a job runs."""
    keys("q")
    if "Really?" in screen(): keys("y")


def suspended():
    """Stops the program, looks at the terminal, goes on, and quits."""
    keys("C-z")
    if not until(lambda: "Stopped" in screen()): wrong.append("Ctrl-Z: not stopped")
    look("while it is stopped", stopped=True)
    keys("fg", "Enter")
    if not until(lambda: flags().get("alternate_on") == "1" and "MODEL" in screen()): wrong.append("fg: the screen did not come back")
    left()


# What it is called, the exit code, what is typed before, what is done, further arguments.
WAYS = [
    ("q with nothing running", 0, [], press("q"), []),
    ("q while a job runs, and y", 0, BUSY, left, []),
    ("Ctrl-C with nothing running", 0, [], press("C-c"), []),
    ("Ctrl-C while a job runs, and y", 0, BUSY, press("C-c", "y"), []),
    ("SIGINT", 130, BUSY, send(signal.SIGINT), []),
    ("SIGTERM", 143, BUSY, send(signal.SIGTERM), []),
    ("SIGHUP", 129, BUSY, send(signal.SIGHUP), []),
    ("SIGQUIT", 131, BUSY, send(signal.SIGQUIT), []),
    ("SIGUSR1, stopped to be run again", 75, BUSY, send(signal.SIGUSR1), []),
    ("SIGUSR2", 140, BUSY, send(signal.SIGUSR2), []),
    ("SIGTERM twice", 143, BUSY, send(signal.SIGTERM, signal.SIGTERM, pause=0.02), []),
    ("a crash: SIGSEGV", 139, BUSY, send(signal.SIGSEGV), []),
    ("a crash: SIGABRT", 134, BUSY, send(signal.SIGABRT), []),
    ("a crash: SIGILL, as Swift ends a program", 132, BUSY, send(signal.SIGILL), []),
    ("Ctrl-Z, fg and q", 0, [], suspended, []),
    ("q while it records", 0, [], left, ["--title", "left"]),
]


def look(name, stopped=False):
    """Compares the terminal with what it was."""
    found = flags()
    for flag, right in FLAGS.items():
        if found.get(flag) != right: wrong.append(f"{name}: {flag} is {found.get(flag)}, expected {right}")
    if "STOOD BEFORE" not in screen(): wrong.append(f"{name}: what stood on the screen before is gone:\n{screen()}")
    if not stopped and open(f"{base}/before").read() != open(f"{base}/after").read():
        wrong.append(f"{name}: stty -a says {open(f'{base}/after').read()}, expected {open(f'{base}/before').read()}")


def leave(term, name, code, before, act, arguments):
    with open(configuration, "w") as file: file.write(f'set -g default-terminal "{term}"\nset -g status off\n')
    shutil.rmtree(f"{base}/home", ignore_errors=True)
    for file in ("before", "after", "code"):
        if os.path.exists(f"{base}/{file}"): os.remove(f"{base}/{file}")
    environment = f"env PS1='$ ' SWIFT_BACKTRACE=enable=no XDG_DATA_HOME={base}/home XDG_STATE_HOME={base}/home XDG_CACHE_HOME={base}/home"
    tmux("new-session", "-d", "-x", "100", "-y", "30", f"{environment} bash --norc")
    try:
        if not until(lambda: "$" in screen()): return wrong.append(f"{name}: no shell")
        keys("printf 'STOOD %s\\n' BEFORE", "Enter")
        keys(f"stty -a > {base}/before", "Enter", f"'{nibble}' {' '.join(arguments)}", "Enter")
        if not until(lambda: "Opened" in screen()): return wrong.append(f"{name}: the workbench does not open:\n{screen()}")
        # The machine is measured the first time.
        if not until(lambda: "easuring" not in screen(), 60): wrong.append(f"{name}: it does not come to rest:\n{screen()}")
        keys(*before)
        if before and not until(lambda: "X cancel" in screen(), 5): wrong.append(f"{name}: no job runs:\n{screen()}")
        found = flags()
        for flag in ("alternate_on", "mouse_any_flag", "cursor_flag"):
            if found.get(flag) == FLAGS[flag]: wrong.append(f"{name}: {flag} is {found.get(flag)} while the workbench shows: nothing is looked at")
        act()
        if not until(lambda: program() is None): return wrong.append(f"{name}: does not end:\n{screen()}")
        keys(f"echo $? > {base}/code; stty -a > {base}/after; echo 'IS' OVER", "Enter")
        if not until(lambda: os.path.exists(f"{base}/after") and "IS OVER" in screen()): return wrong.append(f"{name}: does not end:\n{screen()}")
        time.sleep(0.1)
        look(f"{term}, {name}")
        ended = int(open(f"{base}/code").read() or -1)
        if ended != code: wrong.append(f"{term}, {name}: exit {ended}, expected {code}")
        print(f"{term}: {name}: exit {ended}", flush=True)
        for session in [f"{folder}/{file}" for folder, _, files in os.walk(f"{base}/home") for file in files if file.endswith(".session")]:
            played = subprocess.run([nibble, "replay", session, "--headless", "--at", "end", "--size", "80x24"], capture_output=True, text=True)
            if played.returncode: wrong.append(f"{term}, {name}: the recording does not play: {played.stderr}")
    finally:
        end()


def gone(term):
    """The terminal itself goes away: the program ends, and its recording is whole."""
    name = "the terminal goes away"
    with open(configuration, "w") as file: file.write(f'set -g default-terminal "{term}"\n')
    shutil.rmtree(f"{base}/home", ignore_errors=True)
    tmux("new-session", "-d", "-x", "100", "-y", "30",
         f"env XDG_DATA_HOME={base}/home XDG_STATE_HOME={base}/home XDG_CACHE_HOME={base}/home '{nibble}' --title gone")
    until(lambda: "Opened" in screen())
    number = int(tmux("display", "-p", "#{pane_pid}"))
    end()
    if not until(lambda: not os.path.exists(f"/proc/{number}"), 10): wrong.append(f"{term}, {name}: it still runs")
    sessions = [f"{folder}/{file}" for folder, _, files in os.walk(f"{base}/home") for file in files if file.endswith(".session")]
    if not sessions: wrong.append(f"{term}, {name}: no recording")
    for session in sessions:
        played = subprocess.run([nibble, "replay", session, "--headless", "--at", "end", "--size", "80x24"], capture_output=True, text=True)
        if played.returncode or played.stderr: wrong.append(f"{term}, {name}: {played.stderr}")
    print(f"{term}: {name}: {len(sessions)} recording plays", flush=True)


for term in terms:
    for way in WAYS: leave(term, *way)
    gone(term)
shutil.rmtree(base, ignore_errors=True)
for words in wrong: print("NOT SO:", words)
print(f"{len(wrong)} things are not so" if wrong else "all is as it should be")
sys.exit(bool(wrong))
