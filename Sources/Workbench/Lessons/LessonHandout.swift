import TerminalUI

/// A lesson as one HTML page to print or hand out: what is said at each stop, the screen it is about, answers folded away.
package struct LessonHandout {
  private let lesson: Lesson
  /// The states that each stop was seen in, the one it was come to first.
  private let visits: [String: [State]]
  private var cells = HTMLCells()
  private var sections: [String] = []

  /// Pictures are of this size, which a page has room for.
  private static let size = Size(width: 100, height: 30)

  /// - Parameter visits: by stop, as somebody has taken the lesson.
  package init(_ lesson: Lesson, visits: [(stop: String, state: State)]) {
    self.lesson = lesson
    self.visits = Dictionary(grouping: visits) { $0.stop }.mapValues { $0.map { $0.state } }
    var last: CellBuffer?
    for (index, stop) in lesson.stops.enumerated() {
      let states = self.visits[stop.id] ?? []
      var picture: CellBuffer?
      if let state = states.last {
        let drawn = Self.picture(of: state)
        // A screen that has not changed is not shown again.
        if drawn != last { picture = drawn }
        last = drawn
      }
      sections.append(section(stop, index + 1, states, picture))
    }
  }

  package var html: String {
    let words = Words(lesson.language)
    return """
      <!doctype html>
      <html lang="\(HTMLCells.escaped(lesson.language))"><head><meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(HTMLCells.escaped(lesson.title))</title>
      <style>
      body { font: 16px/1.55 system-ui, sans-serif; max-width: 60rem; margin: 1.5rem auto; padding: 0 1rem; color: #1c1c1e;
        background: #fff; }
      h1 { font-size: 1.5rem; } h2 { font-size: 1.05rem; margin-top: 2rem; color: #62646b; font-weight: 600; }
      pre { font: .76rem/1.3 ui-monospace, "DejaVu Sans Mono", monospace; padding: .7rem; overflow-x: auto; border-radius: 6px;
        break-inside: avoid; }
      details { border-left: 3px solid #d5d6db; padding-left: .8rem; } summary { cursor: pointer; color: #62646b; }
      code { font-family: ui-monospace, monospace; background: #f0f0f2; padding: 0 .2em; }
      .blank { border-bottom: 1px solid #9a9ca5; height: 1.6rem; }
      @media print { details { display: none; } }
      pre { background: \(Look().theme.background.description); }
      \(cells.rules)
      </style></head><body>
      <h1>\(HTMLCells.escaped(lesson.title))</h1>
      <p>\(HTMLCells.escaped(lesson.about)) \(words.minutes(lesson.minutes))</p>
      \(sections.joined(separator: "\n"))
      </body></html>

      """
  }

  private static func picture(of state: State) -> CellBuffer {
    var state = state
    state.lesson = nil
    state.notices = []
    state.overlay = nil
    state.size = size
    var buffer = Look().buffer(size)
    WorkbenchView.draw(state, into: &buffer, look: Look())
    return buffer
  }

  private mutating func section(
    _ stop: LessonStop, _ number: Int, _ states: [State], _ picture: CellBuffer?
  ) -> String {
    let words = Words(lesson.language)
    func filled(_ text: String, _ state: State?) -> String {
      let text = state.map { LessonFigures(state: $0).filled(text) } ?? text
      return Self.paragraphs(text)
    }
    var html = "<h2>\(number). \(words.kind(stop.kind))</h2>\(filled(stop.text.body, states.first))"
    if !stop.choices.isEmpty {
      let items = stop.choices.map { "<li>\(filled($0.label, states.first))</li>" }.joined()
      html += "<ol>\(items)</ol>"
    }
    if stop.kind == .predict, stop.guess != .choice { html += "<p class=\"blank\"></p>" }
    if let picture {
      html += "<pre>\(cells.rows(of: picture).joined(separator: "\n"))</pre>"
    }
    if let hint = stop.text.hint {
      html += Self.folded(words.hint, filled(hint, states.first))
    }
    var answer = ""
    if let state = states.last, let right = state.lessonAnswer(stop) {
      let choice = stop.choices.first { $0.id == right }
      answer += "<p><strong>\(HTMLCells.escaped(choice?.label ?? right))</strong></p>"
      answer += choice.map { filled($0.why, state) } ?? ""
    }
    if let done = stop.text.done { answer += filled(done, states.last) }
    if !answer.isEmpty { html += Self.folded(words.answer, answer) }
    return html
  }

  private static func folded(_ title: String, _ html: String) -> String {
    "<details><summary>\(title)</summary>\(html)</details>"
  }

  /// Paragraphs with what is strong and what is typed.
  private static func paragraphs(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: true).map { line in
      let spans = StyledText(markup: String(line)).spans.map { span -> String in
        let text = HTMLCells.escaped(span.text)
        return switch span.role {
        case .strong: "<strong>\(text)</strong>"
        case .accent: "<code>\(text)</code>"
        default: text
        }
      }
      return "<p>\(spans.joined())</p>"
    }.joined()
  }

  /// The words of the page in the language of the lesson.
  private struct Words {
    let isKorean: Bool

    init(_ language: String) { isKorean = language == "ko" }

    var hint: String { isKorean ? "힌트" : "Hint" }
    var answer: String { isKorean ? "답" : "Answer" }

    func minutes(_ count: Int) -> String { isKorean ? "약 \(count)분." : "About \(count) minutes." }

    func kind(_ kind: LessonStop.Kind) -> String {
      switch kind {
      case .say: isKorean ? "읽기" : "Read"
      case .predict: isKorean ? "예측" : "Predict"
      case .do: isKorean ? "해 보기" : "Do"
      case .watch: isKorean ? "보기" : "Watch"
      case .measure: isKorean ? "재기" : "Measure"
      case .ask: isKorean ? "질문" : "Question"
      case .free: isKorean ? "자유" : "Play"
      }
    }
  }
}
