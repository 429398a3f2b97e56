import Checkpoints
import Models
import Operators
import Quantization
import Tensors

/// Runs a text through a model and finds how far keys and values of each block reach: what the scale of an FP8 cache is made
/// of.
struct CacheProbe {
  private let model: Model
  private let windows: [[Int32]]
  private let context: ExecutionContext

  /// The largest number of E4M3.
  private static let largest: Float = 448

  init(_ model: Model, windows: [[Int32]], context: ExecutionContext) {
    self.model = model
    self.windows = windows
    self.context = context
  }

  /// Scales that put the farthest key and value of each block on the largest number of E4M3.
  ///
  /// - Parameter progress: told the blocks done.
  func scales(
    pause: () throws -> Void = {}, progress: (_ done: Int) -> Void = { _ in }
  ) throws -> [Artifact.CacheScale] {
    let streams = try windows.map { try model.embed($0) }
    return try model.blocks.indices.map { index in
      progress(index)
      let gatherer = CacheReachGatherer()
      for stream in streams {
        try pause()
        try model.runBlock(
          index, hidden: [stream], context: context, options: ForwardOptions(observer: gatherer))
      }
      let layer = model.blocks[index].plan.linears.first { $0.role.kind == .k }?.name ?? ""
      return Artifact.CacheScale(
        attention: layer.lastIndex(of: ".").map { String(layer[..<$0]) } ?? layer,
        keys: Self.scale(gatherer.keys), values: Self.scale(gatherer.values))
    }
  }

  /// A cache of zeros alone is scaled by 1.
  private static func scale(_ reach: Float) -> Float { reach > 0 ? reach / largest : 1 }

  /// Whether a cache is one that such scales are for.
  static func wantsScales(_ cache: KVFormatPair) -> Bool {
    [cache.keys, cache.values].allSatisfy {
      if case .fp8(.f8e4m3, _) = $0 { true } else { false }
    }
  }
}

/// The largest magnitudes of keys, after the rotation, and of values.
private final class CacheReachGatherer: ForwardObserver {
  private(set) var keys: Float = 0
  private(set) var values: Float = 0

  func wants(_ tap: ForwardTap, block: Int) -> Bool { tap == .keys || tap == .values }

  func observe(
    _ tap: ForwardTap, block: Int, values numbers: UnsafePointer<Float>, tokens: Int, columns: Int
  ) {
    var largest: Float = 0
    for index in 0..<tokens * columns {
      let magnitude = numbers[index].magnitude
      if magnitude > largest, magnitude.isFinite { largest = magnitude }
    }
    if tap == .keys { keys = max(keys, largest) } else { values = max(values, largest) }
  }
}
