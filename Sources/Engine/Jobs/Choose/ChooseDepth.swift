import Evaluation
import Models
import Planning
import Platform
import Tensors

/// Quality through caches at the planned depth, as deep as text, model and time let it be.
///
/// What a cache loses grows with what it holds: windows of a race are short, so that the caches that are left are read once
/// more after a long prefix, token by token, all on the same tokens.
struct ChooseDepth {
  let laboratory: Laboratory
  let held: Laboratory.OpenModel
  let options: ChooseOptions
  let planner: Planner
  let reporter: JobReporter<ChooseJob.Part>
  let kept: KeptMeasures

  /// Scored tokens of a window, and windows.
  private static let tokens = 64
  private static let windows = 2
  /// Deepest prefix, whatever is planned.
  private static let deepest = 4096

  /// What one candidate lost at a depth.
  typealias Found = (depth: Int, scores: ScoreStatistics)

  /// - Parameters:
  ///   - subjects: candidates whose cache is quantized.
  ///   - least: tokens that a race has read already; no depth below it is taken.
  ///   - seconds: that it may take.
  /// - Returns: one for each subject; nil where text, context or time allow no depth that tells more.
  func run(_ subjects: [EvaluationSubject], least: Int, seconds: Double) throws -> [Found]? {
    guard !subjects.isEmpty, let tokenizer = held.tokenizer else { return nil }
    let context = held.summary.shape.context
    var depth = min(options.workload.context, Self.deepest, context) - Self.tokens
    while depth > least, try time(depth, subjects.count) > seconds { depth /= 2 }
    guard depth > least else { return nil }
    let source = try DepthSource(
      options.text, least: depth + Self.tokens + 1, laboratory: laboratory, tokenizer)
    let longest = source.documents.map(\.count).max() ?? 0
    depth = min(depth, longest - Self.tokens - 1)
    guard depth > least else { return nil }
    let text = try DepthText(
      documents: source.documents, depth: depth, tokens: Self.tokens, context: context,
      bos: source.bos, most: Self.windows, text: source.name)
    let measure = DepthMeasure(
      subjects: subjects, reference: laboratory.baseline(held),
      context: try laboratory.makeContext())
    let names = subjects.map(\.name).joined(separator: ", ")
    var scores = subjects.map { _ in ScoreStatistics() }
    let since = Machine.seconds()
    for window in text.windows.indices {
      let outcome = try kept.measured("\(names) at a depth of \(depth), window \(window + 1)") {
        try measure.run(
          text, windows: window..<window + 1,
          progress: { done in
            reporter.progress(
              "caches at a depth of \(depth)", done: window * text.tokens + done,
              of: text.tokens * text.windows.count, unit: "tokens", since: since)
          }, checkpoint: reporter.checkpoint)
      }
      for place in subjects.indices { scores[place].add(outcome.subjects[place].toReference.all) }
    }
    return scores.map { (depth, $0) }
  }

  /// Seconds by the limits of this machine, which measures whatever one is planned for, with room for what does not reach them.
  private func time(_ depth: Int, _ count: Int) throws -> Double {
    var workload = planner.workload
    workload.promptTokens = depth
    workload.context = depth
    workload.batch = 1
    let planner = Planner(
      model: planner.model, workload: workload, peaks: try laboratory.machinePeaks(nil),
      methods: PlannedMethods())
    let one = Planner.Factors()
    let side =
      one.seconds(of: planner.prefillPhase)
      + Double(Self.tokens) * one.seconds(of: planner.decodePhase)
    return 1.5 * side * Double((count + 1) * Self.windows)
  }
}
