import Models
import Operators
import Quantization
import Tensors

/// Quantizes a few blocks with more and more of the calibration windows, and measures each result on windows that none
/// of them has seen.
struct CalibrationProbe {
  /// Half of two windows is the least that can be compared.
  static let fewestWindows = 4

  private let recipe: Recipe
  private let model: Model
  private let context: ExecutionContext
  private let used: [[Int32]]
  private let held: [[Int32]]
  /// Blocks that are looked at: the first, and the one in the middle.
  let blocks: [Int]

  /// Windows that errors are measured on.
  var heldOut: Int { held.count }

  init(recipe: Recipe, model: Model, windows: [[Int32]], context: ExecutionContext) {
    self.recipe = recipe
    self.model = model
    self.context = context
    let held = min(8, max(1, windows.count / 4))
    used = Array(windows.dropLast(held))
    self.held = Array(windows.suffix(held))
    blocks = Array(Set([0, model.blocks.count / 2])).sorted()
  }

  /// Numbers of windows that are tried: powers of two, and all there are.
  private var counts: [Int] {
    var counts: [Int] = []
    var count = 2
    while count < used.count {
      counts.append(count)
      count *= 2
    }
    return counts + [used.count]
  }

  /// What quantizing one block with some windows made of it.
  private struct Trial {
    var sums = ErrorSums()
    var codes: [Projection: [UInt8]] = [:]
  }

  /// Goes from few windows to all.
  ///
  /// - Parameter report: the error of rounding to nearest, and the points so far.
  func run(
    pause: () throws -> Void, progress: (_ what: String, _ done: Int, _ total: Int) -> Void,
    report: (_ rounded: Double, _ points: [CalibrationSurvey.Point]) -> Void
  ) throws {
    var inputs: [Int: (used: [HiddenStates], held: [HiddenStates])] = [:]
    let streams = try (used + held).map { try model.embed($0) }
    let last = blocks.last ?? 0
    let total = last + 1 + counts.count * blocks.count
    for index in 0...last {
      try pause()
      if blocks.contains(index) {
        inputs[index] = (
          try streams.prefix(used.count).map { try $0.copy() },
          try streams.suffix(held.count).map { try $0.copy() }
        )
      }
      if index < last {
        for stream in streams {
          try pause()
          try model.runBlock(index, hidden: [stream], context: context)
        }
      }
      progress("activations up to block \(index)", index + 1, total)
    }
    let rounded = try sum { try trial($0, [], inputs[$0]?.held ?? []).sums }
    var points: [CalibrationSurvey.Point] = []
    for count in counts {
      var whole = ErrorSums()
      var halves = [ErrorSums(), ErrorSums()]
      var equal = 0
      var codes = 0
      for block in blocks {
        guard let (used, held) = inputs[block] else { continue }
        try pause()
        whole.add(try trial(block, Array(used.prefix(count)), held).sums)
        let parts = try [used[..<(count / 2)], used[(count / 2)..<count]].map {
          try trial(block, Array($0), held)
        }
        for (half, part) in parts.enumerated() { halves[half].add(part.sums) }
        for (projection, found) in parts[0].codes {
          guard let other = parts[1].codes[projection] else { continue }
          equal += zip(found, other).count { $0 == $1 }
          codes += found.count
        }
        progress(
          "block \(block) with \(count) windows",
          last + 1 + points.count * blocks.count + (blocks.firstIndex(of: block) ?? 0) + 1, total)
      }
      points.append(
        CalibrationSurvey.Point(
          windows: count, tokens: used.prefix(count).reduce(0) { $0 + $1.count },
          error: whole.relativeError, halfErrors: halves.map(\.relativeError).sorted(by: >),
          agreement: codes > 0 ? Double(equal) / Double(codes) : 1))
      report(rounded.relativeError, points)
    }
  }

  private func sum(_ body: (_ block: Int) throws -> ErrorSums) rethrows -> ErrorSums {
    var sums = ErrorSums()
    for block in blocks { sums.add(try body(block)) }
    return sums
  }

  /// Quantizes a block with `used` and compares what leaves it on `held`; with no windows it is rounded to nearest.
  private func trial(
    _ index: Int, _ used: [HiddenStates], _ held: [HiddenStates]
  ) throws -> Trial {
    let block = try model.block(index)
    let work = try BlockTrial(
      recipe: recipe, model: model, index: index, sequences: used, context: context)
    var trial = Trial()
    for layer in work.draft.layers {
      guard let weight = layer.weight as? IntegerWeight else { continue }
      var codes = [UInt8](repeating: 0, count: weight.rows * weight.columns)
      codes.withUnsafeMutableBufferPointer {
        if let base = $0.baseAddress { weight.unpack(rows: 0..<weight.rows, into: base) }
      }
      trial.codes[layer.projection] = codes
    }
    for sequence in held {
      let expected = try sequence.copy()
      let found = try sequence.copy()
      try model.runBlock(index, block, hidden: [expected], context: context)
      try model.runBlock(index, work.drafted, hidden: [found], context: context)
      let count = sequence.tokens * sequence.width
      // What the block adds to the residual stream, not the stream itself.
      for place in 0..<count {
        expected.pointer[place] -= sequence.pointer[place]
        found.pointer[place] -= sequence.pointer[place]
      }
      trial.sums.add(context.compare(expected.pointer, found.pointer, count: count))
    }
    return trial
  }
}
