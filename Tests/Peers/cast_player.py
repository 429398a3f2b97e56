#!/usr/bin/env python3
"""Sessions as asciicasts in asciinema's own browser player: versions 2 and 3 show the same, and what `nibble replay` shows.

    pip download --no-deps mkdocs-asciinema-player && unzip mkdocs_asciinema_player-*.whl
    python3 Tests/Peers/cast_player.py NIBBLE mkdocs_asciinema_player/assets SESSION...

The player (asciinema-player 3.10 and later read version 3) comes inside that package of PyPI. Needs Chromium. Each cast is sought at
some of its frames and at its end, and the text of the screen is read from the page. Block characters are pictures there and are left out. Exit 1
where something differs.
"""
import http.server, json, os, queue, subprocess, sys, tempfile, threading

nibble, assets, sessions = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3:]
places = 5
PAGE = """<!doctype html><meta charset=utf-8><link rel=stylesheet href="/asciinema-player.css">
<div id=film></div><script src="/asciinema-player.min.js"></script><script>
const times = TIMES, seen = [];
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const text = () => JSON.stringify([...document.querySelectorAll('.ap-line')].map((line) => line.textContent));
const tell = (what) => fetch('/seen', {method: 'POST', body: JSON.stringify(what)});
(async () => {
  const player = AsciinemaPlayer.create('/film.cast', document.getElementById('film'), {preload: true, fit: false});
  await wait(500); await player.play(); await player.pause();
  for (const time of times) {
    await player.seek(time);
    // Until it stands still for half a second.
    let last = '', same = 0;
    while (same < 5) { await wait(100); const now = text(); same = now === last ? same + 1 : 0; last = now; }
    seen.push(JSON.parse(last));
  }
  await tell(seen);
})().catch((error) => tell('' + error));
</script>"""


class Pages(http.server.BaseHTTPRequestHandler):
    """The page, the player, one cast; and what the page has seen."""
    cast, times, seen = "", [], queue.Queue()

    def do_GET(self):
        name = self.path.lstrip("/")
        if name == "": body = PAGE.replace("TIMES", json.dumps(Pages.times)).encode()
        elif name == "film.cast": body = open(Pages.cast, "rb").read()
        elif name in ("asciinema-player.css", "asciinema-player.min.js"): body = open(f"{assets}/{name}", "rb").read()
        else: return self.send_error(404)
        self.send_response(200)
        kind = {"css": "text/css", "js": "text/javascript"}.get(name.split(".")[-1], "text/html" if name == "" else "text/plain")
        self.send_header("Content-Type", kind + "; charset=utf-8")
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        Pages.seen.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_): pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
threading.Thread(target=server.serve_forever, daemon=True).start()


def run(*arguments):
    ended = subprocess.run(arguments, capture_output=True, text=True)
    if ended.returncode: sys.exit(f"{' '.join(arguments[:4])}: {ended.stderr[-500:]}")
    return ended.stdout


def shown(cast, times, folder):
    """The lines of the player's screen at each time."""
    Pages.cast, Pages.times = cast, times
    browser = subprocess.Popen(["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile", "--remote-debugging-port=0",
                                f"http://127.0.0.1:{server.server_port}/"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try: value = Pages.seen.get(timeout=120)
    except queue.Empty: value = "the player did not come to an end"
    finally:
        browser.terminate()
        browser.wait()
    if isinstance(value, str): sys.exit(f"{cast}: {value}")
    return value


def letters(lines):
    """What is written, without pictures and spaces: both draw those in ways of their own."""
    return ["".join(c for c in line if c.isalnum() or c in ".,:;%()/+-") for line in lines]


def events(cast, version):
    """When each picture comes, in seconds since the beginning."""
    at, times = 0.0, []
    for line in open(cast, encoding="utf-8").read().splitlines()[1:]:
        time, code, _ = json.loads(line)
        at = at + time if version == 3 else time
        if code == "o": times.append(at)
    return times


wrong = 0
with tempfile.TemporaryDirectory() as folder:
    for session in sessions:
        size = json.loads(open(session, encoding="utf-8").readline())["size"]
        casts = {}
        for version in (2, 3):
            casts[version] = f"{folder}/v{version}.cast"
            run(nibble, "sessions", "export", session, "--cast", casts[version], "--cast-version", str(version))
        times = events(casts[2], 2)
        if any(abs(a - b) > 1e-6 for a, b in zip(times, events(casts[3], 3))): wrong += 1; print(f"{session}: times differ")
        # Just after a frame, where nothing else comes within 20 ms.
        quiet = [a for a, b in zip(times, times[1:] + [times[-1] + 9]) if b - a > 0.05]
        chosen = [round(quiet[len(quiet) * n // places] + 0.01, 3) for n in range(places)] + [round(times[-1], 3)]
        two, three = shown(casts[2], chosen, folder), shown(casts[3], chosen, folder)
        for time, a, b in zip(chosen, two, three):
            ours = run(nibble, "replay", session, "--headless", "--at", f"{time}", "--size", f"{size['width']}x{size['height']}").splitlines()
            same, right = a == b, [x for x in letters(a) if x] == [x for x in letters(ours) if x]
            print(f"{os.path.basename(session)} at {time} s: {len(a)} lines, version 2 and 3 {'alike' if same else 'DIFFER'}, "
                  f"{'as replay shows' if right else 'OTHERWISE than replay shows'}")
            wrong += (not same) + (not right)
            if not right:
                for x, y in zip(letters(a), letters(ours)):
                    if x != y: print(f"    player {x}\n    replay {y}")
print(f"{wrong} differ" if wrong else "all alike")
sys.exit(bool(wrong))
