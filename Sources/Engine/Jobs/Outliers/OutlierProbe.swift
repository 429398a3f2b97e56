import Models
import Operators
import Platform
import Quantization
import Tensors

/// Walks through a model in full precision, block by block, and gathers what the inputs of its layers look like.
struct OutlierProbe {
  /// What was gathered at one input.
  struct Found {
    var block: Int
    var projection: Projection
    var statistics: ActivationStatistics
    /// What the recipe divides each channel by; nil where it moves nothing.
    var scales: [Float]?

    /// The largest magnitude of each channel once scale is moved.
    var smoothed: [Float]? {
      scales.map { zip(statistics.maxima, $0).map { $0 / $1 } }
    }
  }

  private let model: Model
  private let recipe: Recipe
  private let windows: [[Int32]]
  private let context: ExecutionContext

  /// - Parameter recipe: whose moves of scale are looked at; the baseline for none.
  init(_ model: Model, recipe: Recipe = .baseline, windows: [[Int32]], context: ExecutionContext) {
    self.model = model
    self.recipe = recipe
    self.windows = windows
    self.context = context
  }

  /// Runs all windows through all blocks.
  ///
  /// - Parameter progress: told the blocks done and the share of the next.
  func run(
    pause: @escaping () throws -> Void = {},
    progress: (_ done: Int, _ share: Double) -> Void = { _, _ in }
  ) throws -> [Found] {
    let moves = try recipe.calibrates()
    let streams = try windows.map { try model.embed($0) }
    var found: [Found] = []
    for index in model.blocks.indices {
      try pause()
      let scales = moves ? try scales(index, streams, pause) : [:]
      let plan = model.blocks[index].plan
      let gatherer = ActivationGatherer(plan)
      for (number, stream) in streams.enumerated() {
        try pause()
        try model.runBlock(
          index, hidden: [stream], context: context, options: ForwardOptions(observer: gatherer))
        gatherer.endWindow()
        progress(index, Double(number + 1) / Double(streams.count))
      }
      for projection in plan.inputGroups.map(\.lead) {
        guard let statistics = gatherer.statistics[projection] else { continue }
        found.append(
          Found(
            block: index, projection: projection, statistics: statistics,
            scales: scales[projection]))
      }
    }
    return found
  }

  /// What the recipe moves into the layers of one block.
  private func scales(
    _ index: Int, _ streams: [HiddenStates], _ pause: @escaping () throws -> Void
  ) throws -> [Projection: [Float]] {
    let trial = try BlockTrial(
      recipe: recipe, model: model, index: index, sequences: streams, context: context,
      pause: pause)
    var scales: [Projection: [Float]] = [:]
    for layer in trial.draft.layers { scales[layer.projection] = layer.scales.input }
    return scales
  }
}

extension OutlierSurvey {
  /// Numbers that a message holds at most: cells of maps, and named channels.
  private static let mostCells = 4096
  private static let mostNamed = 1024

  /// What the probe found, small enough for a session.
  ///
  /// - Parameter thresholds: more of them for the ladder.
  init(
    _ found: [OutlierProbe.Found], model: String, recipe: Recipe, text: String,
    windows: [[Int32]], thresholds: [Double] = []
  ) {
    let maps = found.reduce(0) { $0 + ($1.scales == nil ? 1 : 2) }
    // What else is said of each input takes room as well.
    let cells = min(256, max(8, Self.mostCells / max(1, maps) - 16))
    let top = min(16, max(4, Self.mostNamed / max(1, maps)))
    let maxima = found.flatMap(\.statistics.maxima)
    let behindNorms = found.filter { Self.isBehindNorm($0.projection) }
    let proposal = Proposal(
      OutlierThreshold(maxima: behindNorms.flatMap(\.statistics.maxima)))
    func count(_ input: OutlierProbe.Found, _ threshold: Double) -> Count {
      Count(
        columns: input.statistics.columns(reaching: threshold),
        perWindow: Reach.short(input.statistics.columnsPerWindow(reaching: threshold)))
    }
    let rungs = Self.rungs(maxima, besides: thresholds + (proposal.threshold.map { [$0] } ?? []))
    self.init(
      model: model, recipe: recipe, text: text, windows: windows.count,
      tokens: windows.reduce(0) { $0 + $1.count },
      inputs: found.map { input in
        let statistics = input.statistics
        return Input(
          block: input.block, projection: input.projection, columns: statistics.columns,
          reach: Reach(maxima: statistics.maxima, cells: cells, top: top),
          kurtosis: Reach.short(statistics.kurtosis),
          first: statistics.firstPeak.map {
            FirstTokens(
              position: $0.position, channel: $0.channel, magnitude: Reach.short($0.magnitude),
              behind: Reach.short(statistics.behindPeak))
          },
          atSix: count(input, Self.six),
          atProposed: proposal.threshold.map { count(input, $0) },
          smoothed: input.smoothed.map { Reach(maxima: $0, cells: cells, top: top) })
      }, columns: maxima.count,
      ladder: rungs.map { threshold in
        let counts = found.map { count($0, threshold) }
        return Rung(
          threshold: threshold,
          count: Count(
            columns: counts.reduce(0) { $0 + $1.columns },
            perWindow: Reach.short(counts.reduce(0) { $0 + $1.perWindow })))
      }, proposal: proposal)
  }

  /// Thresholds from where most columns reach to where none does, in equal ratios that meet 6.0.
  private static func rungs(_ maxima: [Float], besides others: [Double]) -> [Double] {
    let sorted = maxima.filter { $0 > 0 && $0.isFinite }.map(Double.init).sorted()
    var rungs = [six]
    if let highest = sorted.last {
      let lowest = max(sorted[sorted.count / 2], highest / 65536)
      var ratio = 2.0.squareRoot()
      func steps() -> [Double] {
        var found = [six]
        while let last = found.last, last < highest { found.append(last * ratio) }
        while let first = found.first, first > lowest { found.insert(first / ratio, at: 0) }
        return found.filter { $0 >= lowest / ratio && $0 <= highest * ratio }
      }
      while steps().count > 16 { ratio *= ratio }
      rungs += steps().map { ($0 - six).magnitude < 1e-9 ? six : Reach.short($0) }
    }
    return Set(rungs + others).sorted()
  }
}
