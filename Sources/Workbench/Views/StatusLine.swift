import Engine
import TerminalUI
import Wording

/// The line above the hints: the newest message, and on every screen the job that runs.
struct StatusLine: Widget {
  var notice: Notice?
  var model: String?
  var recipe: String
  /// The job that runs or is paused.
  var job: TrackedJob?
  /// Milliseconds since the program started.
  var now: Int

  init(_ state: State) {
    notice = state.notices.last
    model = state.facts.model?.label
    recipe = state.recipeWords
    job = state.jobs.active
    now = state.now
  }

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let row = rect.inset(left: 1, right: 1)
    let job = job.map { progress($0, look: look) } ?? StyledText([])
    let jobWidth = min(job.width, row.width * 2 / 3)
    let gap = job.plain.isEmpty ? 0 : 3
    let (left, right) = row.splitRight(jobWidth)
    if let notice {
      buffer.draw(
        MessageLine(kind(notice.kind), notice.text), in: left.inset(right: gap), look: look)
    } else {
      buffer.line(context, in: left.inset(right: gap), look: look)
    }
    buffer.line(job, in: right, look: look, .right)
  }

  /// What the walk is about, when there is nothing new to say.
  private var context: StyledText {
    guard let model else { return StyledText("no model is open", .hint) }
    return StyledText(model, .dim) + StyledText("  recipe: ", .hint) + StyledText(recipe, .dim)
  }

  private func progress(_ job: TrackedJob, look: Look) -> StyledText {
    let spinner = look.glyphs.spinner
    let isPaused = job.status == .paused
    let mark = isPaused ? look.glyphs.pause : spinner[now / 250 % max(1, spinner.count)]
    var text = StyledText("\(mark) ", isPaused ? .warn : .accent)
    text += StyledText(isPaused ? "paused: " : "") + StyledText(job.title)
    if let fraction = job.fraction { text += .strong(" " + Quantity.percent(fraction)) }
    if let left = job.progress?.secondsLeft, !isPaused {
      text += StyledText(", \(Quantity.seconds(left)) left", .hint)
    }
    return text
  }

  private func kind(_ kind: Notice.Kind) -> MessageLine.Kind {
    switch kind {
    case .information: .note
    case .done: .good
    case .problem: .failure
    }
  }
}
