import Operators

extension BlockRunner {
  /// The feed-forward half of a block that is a mixture of experts, on what `normalize` left: each expert runs once, over the
  /// tokens that are sent to it, and what it yields is added up by token.
  ///
  /// - Parameter endsBefore: nothing is run where the router's input is the last that is wanted; else all of it.
  func feedForward(
    _ plan: BlockPlan, _ mixture: PreparedBlock.Mixture, index: Int, endsBefore: Projection?
  ) throws {
    let width = configuration.hiddenSize
    show(.linearInput(.router), index, buffers.normed, width)
    if endsBefore == .router { return }
    let scores = try buffers.routerScores(experts: mixture.plan.count)
    try context.linear([mixture.router], input: buffers.normed, tokens: tokens, outputs: [scores])
    show(.linearOutput(.router), index, scores, mixture.plan.count)
    let routing = ExpertRouting(mixture.plan, scores: scores, tokens: tokens)
    buffers.delta.update(repeating: 0, count: tokens * width)
    let rows = try buffers.expertRows(width)
    for (number, visits) in routing.visits.enumerated() where !visits.isEmpty {
      for (row, visit) in visits.enumerated() {
        (rows.inputs + row * width).update(from: buffers.normed + visit.token * width, count: width)
      }
      try run(plan, mixture, expert: number, rows, count: visits.count, index: index)
      for (row, visit) in visits.enumerated() {
        let (sum, part) = (buffers.delta + visit.token * width, rows.outputs + row * width)
        for channel in 0..<width { sum[channel] += visit.weight * part[channel] }
      }
    }
    close(mixture.closingNorm)
  }

  /// One expert over `count` rows.
  private func run(
    _ plan: BlockPlan, _ mixture: PreparedBlock.Mixture, expert number: Int,
    _ rows: (inputs: UnsafeMutablePointer<Float>, outputs: UnsafeMutablePointer<Float>),
    count: Int, index: Int
  ) throws {
    let (gate, up, down) = (
      Projection(.gate, of: .number(number)), Projection(.up, of: .number(number)),
      Projection(.down, of: .number(number))
    )
    let width = configuration.hiddenSize
    let readers = mixture.readers[number]
    for role in [gate, up] { show(.linearInput(role), index, rows.inputs, width, rows: count) }
    let outputs = buffers.gatedOutputs
    try context.linear(readers, input: rows.inputs, tokens: count, outputs: outputs)
    for (place, role) in [gate, up].enumerated() {
      show(.linearOutput(role), index, outputs[place], readers[place].rows, rows: count)
    }
    let inner = readers[0].rows
    activate(plan.feedForward, outputs, rows: count, columns: inner)
    show(.linearInput(down), index, outputs[0], inner, rows: count)
    try context.linear(
      [mixture.writers[number]], input: outputs[0], tokens: count, outputs: [rows.outputs])
    show(.linearOutput(down), index, rows.outputs, width, rows: count)
  }
}
