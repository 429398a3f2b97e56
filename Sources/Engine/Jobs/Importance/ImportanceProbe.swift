import Checkpoints
import Models
import Operators
import Quantization
import Tensors

/// Walks through a model in full precision, block by block, and sums the squares of what enters its layers.
struct ImportanceProbe {
  private let model: Model
  private let windows: [[Int32]]
  private let context: ExecutionContext

  init(_ model: Model, windows: [[Int32]], context: ExecutionContext) {
    self.model = model
    self.windows = windows
    self.context = context
  }

  /// Runs all windows through all blocks.
  ///
  /// - Parameter progress: told the blocks done and the share of the next.
  /// - Returns: by the layers' names in the checkpoint; layers that no token reached have no entry.
  func run(
    pause: () throws -> Void = {}, progress: (_ done: Int, _ share: Double) -> Void = { _, _ in }
  ) throws -> [(layer: String, entry: ImportanceMatrix.Entry)] {
    let streams = try windows.map { try model.embed($0) }
    var found: [(layer: String, entry: ImportanceMatrix.Entry)] = []
    for index in model.blocks.indices {
      let plan = model.blocks[index].plan
      let gatherer = SquareGatherer(plan)
      for (number, stream) in streams.enumerated() {
        try pause()
        try model.runBlock(
          index, hidden: [stream], context: context, options: ForwardOptions(observer: gatherer))
        progress(index, Double(number + 1) / Double(streams.count))
      }
      for group in plan.inputGroups {
        guard let sums = gatherer.sums[group.lead], sums.tokens > 0 else { continue }
        let entry = ImportanceMatrix.Entry(
          sums: sums.squares.map(Float.init), counts: [Float(sums.tokens)])
        for role in group.roles {
          if let layer = plan[role] { found.append((layer.name, entry)) }
        }
      }
    }
    return found
  }
}

/// Sums the squares of the inputs of one block's layers, channel by channel, once for layers that share their input.
private final class SquareGatherer: ForwardObserver {
  /// By the first projection of each input group: squares in float64, `[columns]`, and the tokens.
  private(set) var sums: [Projection: (squares: [Double], tokens: Int)] = [:]

  private let leads: Set<Projection>

  init(_ plan: BlockPlan) { leads = Set(plan.inputGroups.map(\.lead)) }

  func wants(_ tap: ForwardTap, block: Int) -> Bool {
    if case .linearInput(let projection) = tap { leads.contains(projection) } else { false }
  }

  func observe(
    _ tap: ForwardTap, block: Int, values: UnsafePointer<Float>, tokens: Int, columns: Int
  ) {
    guard case .linearInput(let projection) = tap else { return }
    var own =
      sums.removeValue(forKey: projection) ?? (
        squares: [Double](repeating: 0, count: columns), tokens: 0
      )
    own.squares.withUnsafeMutableBufferPointer { squares in
      for token in 0..<tokens {
        let row = values + token * columns
        for column in 0..<columns { squares[column] += Double(row[column] * row[column]) }
      }
    }
    own.tokens += tokens
    sums[projection] = own
  }
}
