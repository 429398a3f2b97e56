import Engine
import TerminalUI

/// The line above the hints: the newest message, and on every screen the job that runs.
enum StatusLine {
  static func draw(_ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let row = rect.inset(left: 1, right: 1)
    let job = state.jobs.active.map { progress($0, state, look: look) } ?? StyledText([])
    let jobWidth = min(job.width, row.width * 2 / 3)
    let gap = job.plain.isEmpty ? 0 : 3
    let (left, right) = row.splitRight(jobWidth)
    if let notice = state.notices.last {
      buffer.draw(
        MessageLine(kind(notice.kind), notice.text), in: left.inset(right: gap), look: look)
    } else {
      buffer.line(context(state), in: left.inset(right: gap), look: look)
    }
    buffer.line(job, in: right, look: look, .right)
  }

  /// What the walk is about, when there is nothing new to say.
  private static func context(_ state: State) -> StyledText {
    guard let model = state.facts.model else { return StyledText("no model is open", .hint) }
    return StyledText(model.name, .dim) + StyledText("  recipe: ", .hint)
      + StyledText("\(state.choices.recipe)", .dim)
  }

  private static func progress(_ job: TrackedJob, _ state: State, look: Look) -> StyledText {
    let spinner = look.glyphs.spinner
    let isPaused = job.status == .paused
    let mark = isPaused ? look.glyphs.pause : spinner[state.now / 250 % max(1, spinner.count)]
    var text = StyledText("\(mark) ", isPaused ? .warn : .accent)
    text += StyledText(isPaused ? "paused: " : "") + StyledText(job.title)
    if let fraction = job.fraction { text += .strong(" " + NumberText.percent(fraction)) }
    if let left = job.progress?.secondsLeft, !isPaused {
      text += StyledText(", \(NumberText.duration(seconds: left)) left", .hint)
    }
    return text
  }

  static func kind(_ kind: Notice.Kind) -> MessageLine.Kind {
    switch kind {
    case .information: .note
    case .done: .good
    case .problem: .failure
    }
  }
}

/// The bottom line, made from the binding table.
enum KeyHints {
  static func draw(_ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    var hints: [HintBar.Hint] = []
    if state.overlay == nil {
      if let step = Screens.current(state).step(state) {
        hints.append(HintBar.Hint("Enter", step.label))
      }
      hints += Screens.current(state).bindings.filter { $0.isHint && $0.isAvailable(state) }
        .map(hint)
      if state.jobs.active != nil { hints.append(HintBar.Hint("p", "pause")) }
    } else {
      hints += (state.overlay?.bindings ?? []).filter(\.isHint).map(hint)
    }
    let always = Keymap.global.filter(\.isHint).suffix(rect.width >= 72 ? 3 : 2)
    let pinned = state.overlay == nil ? always.map { self.hint($0) } : []
    buffer.draw(HintBar(hints, pinned: pinned), in: rect, look: look)
  }

  private static func hint(_ binding: Binding) -> HintBar.Hint {
    HintBar.Hint(binding.keys.first.map(Binding.short) ?? "", binding.name)
  }
}
