import Models
import Operators
import Tensors

/// What one block was shown during calibration, layer by layer, gathered without keeping the activations.
///
/// Every layer is run on its inputs as it was and as it is drafted; only sums of the two outputs stay.
final class LayerComparison: ForwardObserver {
  private let pairs: [Projection: (before: PreparedLinear, after: PreparedLinear)]
  private let context: ExecutionContext
  private(set) var sums: [Projection: ErrorSums] = [:]
  /// Largest magnitude of each input channel, by projection.
  private(set) var absoluteMaxima: [Projection: [Float]] = [:]

  init(
    _ pairs: [Projection: (before: PreparedLinear, after: PreparedLinear)],
    context: ExecutionContext
  ) {
    self.pairs = pairs
    self.context = context
  }

  func wants(_ tap: ForwardTap, block: Int) -> Bool {
    if case .linearInput = tap { true } else { false }
  }

  func observe(
    _ tap: ForwardTap, block: Int, values: UnsafePointer<Float>, tokens: Int, columns: Int
  ) {
    guard case .linearInput(let projection) = tap, let pair = pairs[projection] else { return }
    gatherMaxima(projection, values, tokens: tokens, columns: columns)
    let count = tokens * pair.before.rows
    let memory = UnsafeMutablePointer<Float>.allocate(capacity: max(1, 2 * count))
    defer { memory.deallocate() }
    context.linear([pair.before], input: values, tokens: tokens, outputs: [memory])
    context.linear([pair.after], input: values, tokens: tokens, outputs: [memory + count])
    let found = context.compare(memory, memory + count, count: count)
    sums[projection, default: ErrorSums()].add(found)
  }

  private func gatherMaxima(
    _ projection: Projection, _ values: UnsafePointer<Float>, tokens: Int, columns: Int
  ) {
    var maxima = absoluteMaxima[projection] ?? [Float](repeating: 0, count: columns)
    maxima.withUnsafeMutableBufferPointer { maxima in
      for token in 0..<tokens {
        let row = values + token * columns
        for column in 0..<columns { maxima[column] = max(maxima[column], row[column].magnitude) }
      }
    }
    absoluteMaxima[projection] = maxima
  }
}

/// Compares keys and values of one block with what its quantized cache gives back, head by head.
final class CacheComparison: ForwardObserver {
  private let context: ExecutionContext
  private let cache: BlockKVCache
  private let headDimension: Int
  /// By KV head.
  private(set) var keys: [ErrorSums]
  private(set) var values: [ErrorSums]
  private var heldKeys: [Float] = []

  /// - Parameter cache: a cache of one layer in the format under test.
  init(cache: BlockKVCache, context: ExecutionContext) {
    self.cache = cache
    self.context = context
    headDimension = cache.layout.headDimension
    keys = .init(repeating: ErrorSums(), count: cache.layout.kvHeads)
    values = keys
  }

  func wants(_ tap: ForwardTap, block: Int) -> Bool { tap == .keys || tap == .values }

  func observe(
    _ tap: ForwardTap, block: Int, values: UnsafePointer<Float>, tokens: Int, columns: Int
  ) {
    if tap == .keys {
      heldKeys = Array(UnsafeBufferPointer(start: values, count: tokens * columns))
      return
    }
    guard heldKeys.count == tokens * columns else { return }
    cache.reset()
    // Reserving fails only when memory is refused; the comparison then lacks these tokens.
    guard (try? cache.reserve(tokens)) != nil else { return }
    heldKeys.withUnsafeBufferPointer { held in
      guard let held = held.baseAddress else { return }
      cache.append(keys: held, values: values, tokens: tokens, layer: 0, context: context)
      let view = cache.view(layer: 0)
      for head in 0..<cache.layout.kvHeads {
        keys[head].add(
          compare(view, isKeys: true, head: head, held, tokens: tokens, columns: columns))
        self.values[head].add(
          compare(view, isKeys: false, head: head, values, tokens: tokens, columns: columns))
      }
    }
  }

  private func compare(
    _ view: KVView, isKeys: Bool, head: Int, _ reference: UnsafePointer<Float>, tokens: Int,
    columns: Int
  ) -> ErrorSums {
    let count = tokens * headDimension
    let memory = UnsafeMutablePointer<Float>.allocate(capacity: max(1, 2 * count))
    defer { memory.deallocate() }
    for token in 0..<tokens {
      (memory + token * headDimension).update(
        from: reference + token * columns + head * headDimension, count: headDimension)
    }
    context.read(view, keys: isKeys, head: head, range: 0..<tokens, into: memory + count)
    return context.compare(memory, memory + count, count: count)
  }
}

/// Sums up the second moments of the inputs of one block's layers, one for layers that share their inputs.
final class HessianGatherer: ForwardObserver {
  private(set) var hessians: [Projection: Hessian] = [:]

  func wants(_ tap: ForwardTap, block: Int) -> Bool {
    if case .linearInput(let projection) = tap {
      projection == projection.inputGroup[0]
    } else {
      false
    }
  }

  func observe(
    _ tap: ForwardTap, block: Int, values: UnsafePointer<Float>, tokens: Int, columns: Int
  ) {
    guard case .linearInput(let projection) = tap else { return }
    hessians[projection, default: Hessian(columns: columns)].add(values, tokens: tokens)
  }
}
