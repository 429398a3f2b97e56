import TerminalUI
import Wording

/// The lesson next to the screen: what is said or asked, how the answer went, the keys that go on.
enum LessonPanel {
  /// Wide terminals have it on the right, others below the screen; whoever presents gives it half.
  static func split(
    _ rect: Rect, isPresenting: Bool = false
  ) -> (screen: Rect, panel: Rect, isBelow: Bool) {
    if rect.width >= 116 {
      let most = isPresenting ? rect.width / 2 : 48
      let (screen, panel) = rect.splitRight(min(most, rect.width - 76))
      return (screen, panel, false)
    }
    // Without the lines around it a screen needs three rows less.
    let room = rect.height - WorkbenchView.least.height + (isPresenting ? 3 : 0)
    let share = isPresenting ? rect.height / 2 : min(11, rect.height / 3)
    let (screen, panel) = rect.splitBottom(max(5, min(share, room)))
    return (screen, panel, true)
  }

  /// Whether there is room for the panel next to a screen of the least size.
  static func fits(_ size: Size) -> Bool {
    size.width >= WorkbenchView.least.width && size.height >= WorkbenchView.least.height + 5
  }

  /// How many pages the stop that is shown has at the size of the terminal.
  static func pages(_ state: State) -> Int {
    let room = Box.inner(
      of: split(
        Rect(x: 0, y: 0, width: state.size.width, height: state.size.height),
        isPresenting: state.isPresenting
      ).panel)
    return max(1, pages(state, width: room.width, height: room.height, look: Look()).count)
  }

  static func draw(_ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    guard let run = state.lesson else { return }
    buffer.fill(rect, style: look.style(.text))
    let room = Box.inner(of: rect)
    let pages = pages(state, width: room.width, height: room.height, look: look)
    let page = min(run.page, pages.count - 1)
    let language = run.lesson.language
    var place = StyledText("\(run.index + 1)/\(run.lesson.stops.count)", .hint)
    if pages.count > 1 {
      place += StyledText("  " + PanelWords.page(page + 1, of: pages.count, in: language), .hint)
    }
    if let left = run.secondsLeft(at: state.now) {
      let clock = Quantity.clock(milliseconds: Double(left) * 1000)
      let words = PanelWords.left(clock, isOver: left < 0, in: language)
      place = (left < 60 ? .warn(words) : StyledText(words, .hint)) + "  " + place
    }
    _ = buffer.box(
      title(run), in: rect, look: look, trailing: place, footer: keys(state, page, pages.count),
      isFocused: run.hasKeyboard)
    for (row, line) in pages[page].enumerated() {
      buffer.line(line, in: room.row(row), look: look)
    }
  }

  private static func title(_ run: LessonRun) -> StyledText {
    let number = run.lesson.number > 0 ? "\(run.lesson.number) " : ""
    return StyledText("\(number)\(run.lesson.title)")
  }

  /// The keys of the panel, in its lower border.
  private static func keys(_ state: State, _ page: Int, _ pages: Int) -> StyledText {
    guard let run = state.lesson else { return "" }
    let bindings = LessonKeys.bindings(state)
    var hints = StyledText([])
    let choices = run.stop.choices.count
    for binding in bindings where !binding.name.hasPrefix("answer ") {
      guard ["enter", "]", "["].contains(binding.keys.first?.name ?? "") else { continue }
      if binding.keys.first?.name == "[", run.index == 0, run.page == 0 { continue }
      // Enter does the same where it goes on.
      if binding.name == "go on", binding.keys.first?.name == "]", run.hasKeyboard { continue }
      if !hints.plain.isEmpty { hints += "  " }
      hints += StyledText(binding.keys.first.map(Binding.short) ?? "", .key)
      hints += StyledText(" " + PanelWords.of(binding.name, in: run.lesson.language), .hint)
    }
    if bindings.contains(where: { $0.name.hasPrefix("answer ") }) {
      let answer = PanelWords.of("answer", in: run.lesson.language)
      hints = StyledText("1-\(choices)", .key) + StyledText(" \(answer)  ", .hint) + hints
    }
    return hints
  }

  /// The text of the stop, cut into pages that fit.
  static func pages(
    _ state: State, width: Int, height: Int, look: Look
  ) -> [[StyledText]] {
    let lines = lines(state, width: max(10, width), look: look)
    let height = max(1, height)
    var pages: [[StyledText]] = []
    var page: [StyledText] = []
    for line in lines {
      if page.isEmpty, line.plain.isEmpty { continue }
      page.append(line)
      if page.count == height {
        pages.append(page)
        page = []
      }
    }
    if !page.isEmpty || pages.isEmpty { pages.append(page) }
    return pages
  }

  private static func lines(_ state: State, width: Int, look: Look) -> [StyledText] {
    guard let run = state.lesson else { return [] }
    let figures = LessonFigures(state: state)
    func wrapped(_ text: String, _ mark: StyledText = "") -> [StyledText] {
      text.split(separator: "\n", omittingEmptySubsequences: false).flatMap { line in
        TextLayout.wrap(mark + StyledText(markup: figures.filled(String(line))), to: width)
      }
    }
    let words = run.stop.text
    var lines: [StyledText] = []
    // What came of it comes first, so that it is on the first page.
    lines += (revealed(run, look: look) + outcome(run, look: look)).flatMap { mark, text in
      wrapped(text, mark) + [""]
    }
    if run.record.answer != nil { return lines }
    lines += wrapped(words.body)
    if run.record.answer == nil {
      for (index, choice) in run.stop.choices.enumerated() {
        lines += wrapped(choice.label, StyledText("\(index + 1) ", .key))
      }
    }
    if run.stop.guess == .number, run.record.answer == nil {
      lines.append(StyledText("› ", .accent) + StyledText(run.draft + "_"))
    }
    if run.stop.guess == .cell, run.record.answer == nil, let cell = figures["heatmap.cell"] {
      lines.append(StyledText("› ", .accent) + .strong(cell.words()))
    }
    if run.showsHint, let hint = words.hint { lines += [""] + wrapped(hint, .accent("? ")) }
    return lines
  }

  /// Guesses whose answers are known now: the guess, and the truth where that is another.
  private static func revealed(_ run: LessonRun, look: Look) -> [(StyledText, String)] {
    run.stop.reveals.compactMap { id in
      guard let record = run.records[id], let isRight = record.isRight, let answer = record.answer,
        let truth = record.truth, let stop = run.lesson.stops.first(where: { $0.id == id })
      else { return nil }
      func label(_ figure: Figure) -> String {
        stop.choices.first { $0.id == figure.words() }?.label ?? figure.words()
      }
      let text = isRight ? label(answer) : "\(label(answer)) \(look.glyphs.arrow) \(label(truth))"
      return (isRight ? .good("\(look.glyphs.pass) ") : .bad("\(look.glyphs.fail) "), text)
    }
  }

  /// What is said of the answer, the task or the measurement.
  private static func outcome(_ run: LessonRun, look: Look) -> [(StyledText, String)] {
    let words = run.stop.text
    let record = run.record
    let pass: StyledText = .good("\(look.glyphs.pass) ")
    let fail: StyledText = .bad("\(look.glyphs.fail) ")
    let language = run.lesson.language
    if let failure = run.failure { return [(fail, PanelWords.of(failure, in: language))] }
    switch run.stop.kind {
    case .say, .free, .watch: return []
    case .do, .measure:
      return record.isDone ? [(pass, words.done ?? PanelWords.of("Done.", in: language))] : []
    case .ask, .predict:
      guard let answer = record.answer else { return [] }
      let choice = run.stop.choices.first { $0.id == answer.words() }
      let said = choice?.label ?? answer.words()
      guard !run.stop.isQuiet, let isRight = record.isRight else {
        return [(StyledText("› ", .accent), said)]
          + (words.done.map { [(StyledText(""), $0)] } ?? [])
      }
      let why = choice.map(\.why) ?? ""
      let rest = isRight ? words.right : words.wrong
      return [(isRight ? pass : fail, said)] + (why.isEmpty ? [] : [(StyledText(""), why)])
        + (rest.map { [(StyledText(""), $0)] } ?? [])
    }
  }
}
