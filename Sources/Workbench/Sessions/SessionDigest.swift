import Engine
import Evaluation
import Planning
import Profiling
import TerminalUI
import Wording

/// What was chosen in a session and what came of it, as two sessions are compared by and a text of one tells.
package struct SessionDigest: Hashable, Sendable, Codable {
  /// A job that ended, with what it was asked for.
  package struct Step: Hashable, Sendable, Codable {
    /// Milliseconds into the session.
    package var at: Int
    package var words: String
    /// `finished`, `cancelled`, or why it failed.
    package var outcome: String
  }

  /// A figure at the end of the session.
  package struct Figure: Hashable, Sendable, Codable {
    package var name: String
    package var value: Double
    package var words: String
  }

  package var title: String
  package var program: String
  package var model: String?
  package var workload: String
  /// The recipe that stood at the end.
  package var recipe: String
  /// Heavy jobs in the order in which they ended.
  package var steps: [Step] = []
  package var figures: [Figure] = []

  package init(_ session: Session) {
    var state = State(size: session.header.size)
    title = session.header.title
    program = session.header.program
    for line in session.lines {
      guard case .message(let message) = line.item else { continue }
      _ = update(&state, message)
      guard case .job(let event) = message, event.endsJob, let job = state.jobs[event.id],
        job.isHeavy
      else { continue }
      let outcome =
        switch event {
        case .failed(_, let words): words
        case .cancelled: "cancelled"
        default: "finished"
        }
      steps.append(Step(at: line.at, words: job.request.words, outcome: outcome))
    }
    model = state.facts.model?.label
    let work = state.choices.workload
    workload =
      "\(Quantity.grouped(work.requests)) x \(Quantity.grouped(work.context)) tokens, prompt "
      + "\(Quantity.grouped(work.promptTokens)), generate \(Quantity.grouped(work.generatedTokens))"
    recipe = state.recipeWords
    figures = Self.figures(state.facts)
  }

  private static func figures(_ facts: Facts) -> [Figure] {
    var figures: [Figure] = []
    if let quality = facts.evaluation {
      figures += [
        Figure(name: "KL", value: quality.kl.mean, words: Quantity.significant(quality.kl.mean)),
        Figure(
          name: "perplexity", value: quality.perplexity,
          words: Quantity.perplexity(quality.perplexity)),
        Figure(
          name: "top-1", value: quality.topOneAgreement,
          words: Quantity.percent(quality.topOneAgreement)),
        Figure(
          name: "weight bytes", value: Double(quality.weightBytes),
          words: Quantity.bytes(quality.weightBytes)),
      ]
    }
    if let bench = facts.bench {
      for (name, rate) in [
        ("decode", bench.quantized.decode), ("prefill", bench.quantized.prefill),
      ] {
        figures.append(
          Figure(
            name: name, value: rate.tokensPerSecond,
            words: Quantity.rate(rate.tokensPerSecond, "tok/s")))
      }
    }
    return figures
  }

  /// Rows that tell two sessions apart: what it is, in the one, in the other.
  package static func differences(_ one: SessionDigest, _ other: SessionDigest) -> [[String]] {
    var rows: [[String]] = []
    func row(_ name: String, _ left: String, _ right: String) {
      if left != right { rows.append([name, left, right]) }
    }
    row("program", one.program, other.program)
    row("model", one.model ?? "-", other.model ?? "-")
    row("workload", one.workload, other.workload)
    let count = max(one.steps.count, other.steps.count)
    for index in 0..<count {
      func words(_ digest: SessionDigest) -> String {
        guard digest.steps.indices.contains(index) else { return "-" }
        let step = digest.steps[index]
        return step.words + (step.outcome == "finished" ? "" : " (\(step.outcome))")
      }
      row("step \(index + 1)", words(one), words(other))
    }
    row("recipe at the end", one.recipe, other.recipe)
    let names =
      one.figures.map(\.name)
      + other.figures.map(\.name).filter { name in
        !one.figures.contains { $0.name == name }
      }
    for name in names {
      func words(_ digest: SessionDigest) -> String {
        digest.figures.first { $0.name == name }?.words ?? "-"
      }
      row(name, words(one), words(other))
    }
    return rows
  }

  /// The session as a text in Markdown: what was done, what was measured, the screens at its markers and its end.
  package static func markdown(_ session: Session) -> String {
    let digest = SessionDigest(session)
    let length = Quantity.clock(milliseconds: Double(session.milliseconds))
    let model = digest.model.map { ", on \($0)" } ?? ""
    var lines = ["# \(digest.title)", ""]
    let began = session.header.began.map { " on \($0)" } ?? ""
    lines.append("Recorded with nibble \(digest.program)\(began), \(length) long\(model).")
    lines.append("Workload: \(digest.workload). Recipe at the end: \(digest.recipe).")
    lines += ["", "## What was done", "", "| at | what | outcome |", "|---|---|---|"]
    for step in digest.steps {
      let at = Quantity.clock(milliseconds: Double(step.at))
      lines.append("| \(at) | \(step.words) | \(step.outcome) |")
    }
    if !digest.figures.isEmpty {
      lines += ["", "## What came of it", "", "| figure | value |", "|---|---|"]
      lines += digest.figures.map { "| \($0.name) | \($0.words) |" }
    }
    for marker in session.markers + [(at: session.milliseconds, title: "The end")] {
      let frame = PlayerView.frame(
        session, at: Double(marker.at), size: Size(width: 100, height: 30))
      lines += ["", "## \(marker.title)", "", "```", frame, "```"]
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
