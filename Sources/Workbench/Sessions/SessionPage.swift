package import TerminalUI
import Wording

/// A session as one HTML page: its pictures under a slider, its markers and notes, what was done and measured; no network.
///
/// A picture is a list of rows, and equal rows are held once, so that the page of a session is not much larger than the session.
package struct SessionPage {
  private let session: Session
  private let digest: SessionDigest
  /// The background of the pictures.
  private let ground: String
  private var cells = HTMLCells()
  private var rows: [String: Int] = [:]
  private var rowList: [String] = []
  private var pictures: [Picture] = []
  private var marks: [Mark] = []

  /// A picture: when it is seen, and its rows by their place in the list.
  private struct Picture {
    var at: Int
    var rows: [Int]
  }

  private struct Mark {
    var at: Int
    var text: String
    var isNote: Bool
  }

  /// Pictures closer than this many milliseconds are one.
  private static let gap = 120

  package init(_ session: Session, size: Size? = nil, look: Look = Look()) {
    self.session = session
    digest = SessionDigest(session)
    ground = look.theme.background.rgb == nil ? "#101014" : look.theme.background.description
    let size = size ?? session.header.size
    SessionFilm(session, gap: Self.gap).play { scene in
      switch scene.what {
      case .marker(let title): marks.append(Mark(at: scene.at, text: title, isNote: false))
      case .note(let text): marks.append(Mark(at: scene.at, text: text, isNote: true))
      case .picture(let state):
        var buffer = look.buffer(size)
        WorkbenchView.draw(state, into: &buffer, look: look)
        add(buffer, at: scene.at)
      }
    }
  }

  private mutating func add(_ buffer: CellBuffer, at: Int) {
    let numbers = cells.rows(of: buffer).map { row -> Int in
      if let known = rows[row] { return known }
      rows[row] = rowList.count
      rowList.append(row)
      return rowList.count - 1
    }
    if pictures.last?.rows != numbers { pictures.append(Picture(at: at, rows: numbers)) }
  }

  /// The page.
  package var html: String {
    let title = HTMLCells.escaped(digest.title)
    let last = pictures.last.map { $0.rows.map { rowList[$0] }.joined(separator: "\n") } ?? ""
    return """
      <!doctype html>
      <html lang="\(HTMLCells.escaped(session.header.language))"><head><meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(title)</title>
      <style>
      \(Self.sheet(ground))
      \(cells.rules)
      </style></head><body>
      <h1>\(title)</h1>
      <p class="soft">\(HTMLCells.escaped(about))</p>
      <pre id="screen" tabindex="0" aria-label="the recorded screen">\(last)</pre>
      <p id="note" aria-live="polite"></p>
      <div id="bar"><button id="play" type="button">Play</button>
      <input id="time" type="range" min="0" max="\(max(0, pictures.count - 1))" value="0" aria-label="picture">
      <output id="clock"></output></div>
      <p id="marks"></p>
      <noscript><p>Without scripts the last picture is shown.</p></noscript>
      \(tables)
      <script id="data" type="application/json">\(data)</script>
      <script>\(Self.script)</script>
      </body></html>

      """
  }

  private var about: String {
    let length = Quantity.clock(milliseconds: Double(session.milliseconds))
    let began = session.header.began.map { " on \($0)" } ?? ""
    let model = digest.model.map { ", on \($0)" } ?? ""
    return "Recorded with nibble \(digest.program)\(began), \(length) long\(model). "
      + "Workload: \(digest.workload). Recipe at the end: \(digest.recipe). "
      + "Long pauses are shortened."
  }

  private var tables: String {
    var html = ""
    func table(_ heading: String, _ head: [String], _ rows: [[String]]) {
      guard !rows.isEmpty else { return }
      func row(_ cells: [String], _ tag: String) -> String {
        "<tr>" + cells.map { "<\(tag)>\(HTMLCells.escaped($0))</\(tag)>" }.joined() + "</tr>"
      }
      html += "<h2>\(heading)</h2><table>\(row(head, "th"))"
      html += rows.map { row($0, "td") }.joined() + "</table>"
    }
    table(
      "What was done", ["at", "what", "outcome"],
      digest.steps.map { [Quantity.clock(milliseconds: Double($0.at)), $0.words, $0.outcome] })
    table("What came of it", ["figure", "value"], digest.figures.map { [$0.name, $0.words] })
    return html
  }

  /// Rows, pictures as `[milliseconds, rows…]`, and marks as `[milliseconds, is a note, text]`.
  private var data: String {
    let rows = rowList.map(Self.inScript).joined(separator: ",\n")
    let pictures = pictures.map { picture in
      "[\(([picture.at] + picture.rows).map { "\($0)" }.joined(separator: ","))]"
    }.joined(separator: ",")
    let marks = marks.map { "[\($0.at),\($0.isNote ? 1 : 0),\(Self.inScript($0.text))]" }
      .joined(separator: ",")
    return "{\"rows\":[\(rows)],\"pictures\":[\(pictures)],\"marks\":[\(marks)]}"
  }

  /// A text in JSON that no tag of a page ends.
  private static func inScript(_ text: String) -> String {
    JSONString.quoted(text).replacing("<", with: "\\u003c")
  }

  private static func sheet(_ ground: String) -> String {
    """
    body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 1.5rem auto; padding: 0 1rem;
      color: #1c1c1e; background: #fff; }
    h1 { font-size: 1.4rem; margin-bottom: .2rem; } h2 { font-size: 1.1rem; margin-top: 1.6rem; } .soft { color: #62646b; }
    #screen { font: .86rem/1.3 ui-monospace, "DejaVu Sans Mono", monospace; background: \(ground); padding: .8rem;
      overflow-x: auto; border-radius: 6px; }
    #bar { display: flex; gap: .8rem; align-items: center; } #time { flex: 1; } #clock { min-width: 7ch; }
    #note { min-height: 1.5em; font-style: italic; } #marks button { margin: 0 .4rem .3rem 0; }
    table { border-collapse: collapse; font-size: .92rem; } th, td { text-align: left; padding: .25rem .9rem .25rem 0;
      border-bottom: 1px solid #d5d6db; } th { color: #62646b; font-weight: 500; }
    @media (prefers-color-scheme: dark) { body { color: #e7e8ea; background: #17181b; } .soft, th { color: #9a9ca5; } }
    """
  }

  /// Shows the picture of the slider; Play goes on, arrows step while the screen or the slider has the keyboard.
  private static let script = """
    (function () {
      var data = JSON.parse(document.getElementById('data').textContent);
      var screen = document.getElementById('screen'), slider = document.getElementById('time');
      var clock = document.getElementById('clock'), note = document.getElementById('note');
      var button = document.getElementById('play'), marks = document.getElementById('marks');
      var timer = null, count = data.pictures.length;
      function two(n) { return (n < 10 ? '0' : '') + n; }
      function text(ms) { var s = Math.floor(ms / 1000); return Math.floor(s / 60) + ':' + two(s % 60); }
      function show(index) {
        if (!count) return;
        index = Math.max(0, Math.min(count - 1, index));
        var picture = data.pictures[index], rows = [];
        for (var i = 1; i < picture.length; i++) rows.push(data.rows[picture[i]]);
        screen.innerHTML = rows.join('\\n');
        slider.value = index;
        clock.textContent = text(picture[0]);
        var said = '';
        data.marks.forEach(function (mark) { if (mark[1] && mark[0] <= picture[0]) said = mark[2]; });
        note.textContent = said;
      }
      function at(ms) {
        var index = 0;
        for (var i = 0; i < count; i++) if (data.pictures[i][0] <= ms) index = i;
        return index;
      }
      function stop() { clearTimeout(timer); timer = null; button.textContent = 'Play'; }
      function next() {
        var index = Number(slider.value);
        if (index >= count - 1) return stop();
        timer = setTimeout(function () { show(index + 1); next(); },
          data.pictures[index + 1][0] - data.pictures[index][0]);
      }
      button.onclick = function () {
        if (timer !== null) return stop();
        if (Number(slider.value) >= count - 1) show(0);
        button.textContent = 'Pause';
        next();
      };
      slider.oninput = function () { stop(); show(Number(slider.value)); };
      screen.onkeydown = function (event) {
        var step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (step) { event.preventDefault(); stop(); show(Number(slider.value) + step); }
      };
      data.marks.filter(function (mark) { return !mark[1]; }).forEach(function (mark) {
        var jump = document.createElement('button');
        jump.type = 'button';
        jump.textContent = text(mark[0]) + '  ' + mark[2];
        jump.onclick = function () { stop(); show(at(mark[0])); };
        marks.appendChild(jump);
      });
      var asked = Number((location.hash.match(/^#t=(\\d+)$/) || [])[1]);
      show(isNaN(asked) ? 0 : at(asked * 1000));
    })();
    """
}
