import Models
import Operators
import Platform
import Quantization
import Tensors
import Wording

/// Looks into one cell of an error map: the numbers before and after quantization.
struct CellInspector {
  let held: Laboratory.OpenModel
  let quantized: Laboratory.Quantized
  let map: ErrorMap
  let context: ExecutionContext

  private static let bins = 48
  /// How often the median's magnitude a channel must reach to be called an outlier.
  private static let outlierRatio = 6.0
  /// Values of a row of scales or errors; more are pooled.
  private static let mostValues = 256

  /// The detail of a cell that exists.
  func detail(map index: Int, row: Int, column: Int) throws -> CellDetail {
    if map.target == .kvCache {
      return try cacheDetail(map: index, row: row, column: column)
    }
    if let projection = Projection(rawValue: map.columns[column]) {
      return try layerDetail(
        map: index, row: row, column: column, LinearID(block: row, projection: projection))
    }
    return channelDetail(map: index, row: row, column: column)
  }

  private func layerDetail(
    map index: Int, row: Int, column: Int, _ id: LinearID
  ) throws -> CellDetail {
    // Where a method moved scales, what was rounded is the weight between those.
    let block = quantized.blocks[row]
    let before = try block.floatLayer(id.projection, original: held.model.block(row))
      .weight.dequantized()
    let layer = quantized.model[id]
    let cell = map.cells[row][column]
    var facts = [
      "\(layer.weight.format) x \(layer.activation)",
      "\(layer.rows) x \(layer.columns) weights, \(Quantity.bytes(layer.weight.byteCount))",
    ]
    if block.scales[id.projection]?.isIdentity == false {
      facts.append("before: with the scales that the method moved")
    }
    if let reason = cell.fallback { facts.append(reason) }
    var detail = make(
      map: index, row: row, column: column, title: "block \(row) \(id.projection)", before,
      layer.weight.dequantized(), scales: scales(layer.weight),
      outliers: outliers(block: row, id.projection), facts: facts)
    if let integer = (layer.weight as? SplitWeight)?.codes ?? layer.weight as? IntegerWeight {
      let errors = ColumnErrors(original: before, weight: integer)
      detail.columnErrors = Self.pooled(errors.ratios, most: Self.mostValues)
      detail.pushedColumns = errors.largest
      detail.groupScales = Self.pooled(errors.groupScales, most: Self.mostValues)
    }
    detail.curve = block.record.curves[id.projection]
    return detail
  }

  private func channelDetail(map index: Int, row: Int, column: Int) -> CellDetail {
    let groups = quantized.blocks[row].block.plan.inputGroups
    let group = groups.first { map.title == ErrorMaps.channelTitle($0) } ?? groups[0]
    let projection = group.lead
    let maxima = quantized.blocks[row].absoluteMaxima[projection] ?? []
    let range = ErrorMaps.pool(maxima.count)[column]
    let values = maxima.map { $0 }
    let median = Self.median(values)
    return make(
      map: index, row: row, column: column,
      title: "block \(row), input channels \(map.columns[column]) of \(projection)", values, [],
      scales: range.map { Double(maxima[$0]) }, outliers: outliers(block: row, projection),
      facts: [
        "largest here \(Quantity.significant(Double(range.map { maxima[$0] }.max() ?? 0)))",
        "median of all \(maxima.count) channels \(Quantity.significant(Double(median)))",
        "one INT8 scale a token must cover the largest channel; the others share what is left",
      ])
  }

  private func cacheDetail(map index: Int, row: Int, column: Int) throws -> CellDetail {
    let isKeys = map.columns[column].hasPrefix("K")
    let capture = CacheCapture(block: row, isKeys: isKeys)
    var sample = quantized.sample
    if sample.isEmpty { sample = [0] }
    try held.model.forward(
      tokens: sample, cache: held.model.makeCache(), context: context,
      options: ForwardOptions(chunk: sample.count, observer: capture))
    let shape = held.summary.shape
    let dimension = shape.headDimension
    let tokens = sample.count
    let width = shape.kvHeads * dimension
    guard capture.values.count == tokens * width else {
      throw EngineError.noSuchCell(map: index, row: row, column: column)
    }
    var layout = held.model.cacheLayout(quantized.cache)
    layout.layers = 1
    layout.format = quantized.cache.inLayer(row, of: shape.blocks)
    let cache = try BlockKVCache(layout, capacity: tokens)
    try cache.reserve(tokens)
    var after = [Float](repeating: 0, count: tokens * dimension)
    var before = after
    capture.values.withUnsafeBufferPointer { values in
      after.withUnsafeMutableBufferPointer { after in
        guard let values = values.baseAddress, let after = after.baseAddress else { return }
        cache.append(keys: values, values: values, tokens: tokens, layer: 0, context: context)
        cache.advance(tokens)
        context.read(
          cache.view(layer: 0), keys: isKeys, head: column, range: 0..<tokens, into: after)
      }
    }
    for token in 0..<tokens {
      for channel in 0..<dimension {
        before[token * dimension + channel] =
          capture.values[token * width + column * dimension + channel]
      }
    }
    var maxima = [Float](repeating: 0, count: dimension)
    for (position, value) in before.enumerated() {
      maxima[position % dimension] = max(maxima[position % dimension], value.magnitude)
    }
    let side = isKeys ? quantized.cache.keys : quantized.cache.values
    return make(
      map: index, row: row, column: column,
      title: "block \(row), \(isKeys ? "keys" : "values") of KV head \(column)", before, after,
      scales: maxima.map(Double.init), outliers: outliers(maxima),
      facts: ["\(side), \(tokens) tokens"])
  }

  private func make(
    map index: Int, row: Int, column: Int, title: String, _ before: [Float], _ after: [Float],
    scales: [Double], outliers: [CellDetail.Outlier], facts: [String]
  ) -> CellDetail {
    let lowest = before.min() ?? 0
    let highest = max(before.max() ?? 0, lowest.nextUp)
    return CellDetail(
      map: index, row: row, column: column, title: title, lowest: Double(lowest),
      highest: Double(highest), before: Self.histogram(before, lowest, highest),
      after: after.isEmpty ? [] : Self.histogram(after, lowest, highest),
      scales: Self.pooled(scales, most: Self.mostValues), outliers: outliers, facts: facts)
  }

  private func scales(_ weight: any LinearWeight) -> [Double] {
    if let scaled = weight as? ScaledFloatWeight {
      guard scaled.format.granularity != .tensor else { return [Double(scaled.scales[0])] }
      return (0..<scaled.rows).map { row in
        (0..<scaled.groups).reduce(0) { $0 + Double(scaled.scale(row: row, group: $1)) }
          / Double(max(1, scaled.groups))
      }
    }
    guard let integer = (weight as? SplitWeight)?.codes ?? weight as? IntegerWeight else {
      return []
    }
    guard integer.format.granularity != .tensor else { return [Double(integer.scales[0])] }
    let groups = integer.groups
    return (0..<integer.rows).map { row in
      integer.scales[row * groups..<(row + 1) * groups].reduce(0) { $0 + Double($1) }
        / Double(groups)
    }
  }

  private func outliers(block: Int, _ projection: Projection) -> [CellDetail.Outlier] {
    guard quantized.blocks.indices.contains(block) else { return [] }
    return outliers(quantized.blocks[block].absoluteMaxima[projection] ?? [])
  }

  private func outliers(_ maxima: [Float]) -> [CellDetail.Outlier] {
    let median = Double(Self.median(maxima))
    guard median > 0 else { return [] }
    return maxima.enumerated()
      .map { CellDetail.Outlier(channel: $0.offset, ratio: Double($0.element) / median) }
      .filter { $0.ratio >= Self.outlierRatio }
      .sorted { $0.ratio > $1.ratio }.prefix(12).map { $0 }
  }

  static func median(_ values: [Float]) -> Float {
    let sorted = values.sorted()
    return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
  }

  /// Counts in equal bins; values beyond the ends count in the outermost.
  static func histogram(_ values: [Float], _ lowest: Float, _ highest: Float) -> [Int] {
    var counts = [Int](repeating: 0, count: bins)
    let scale = Float(bins) / (highest - lowest)
    for value in values {
      let place = (value - lowest) * scale
      counts[place.isFinite ? max(0, min(bins - 1, Int(place))) : 0] += 1
    }
    return counts
  }

  /// Means of equal runs, at most `most` of them.
  static func pooled(_ values: [Double], most: Int) -> [Double] {
    guard values.count > most else { return values }
    return (0..<most).map { index in
      let range = index * values.count / most..<(index + 1) * values.count / most
      return values[range].reduce(0, +) / Double(range.count)
    }
  }
}

/// Keeps the keys or values of one block.
private final class CacheCapture: ForwardObserver {
  private let tap: ForwardTap
  private let block: Int
  private(set) var values: [Float] = []

  init(block: Int, isKeys: Bool) {
    self.block = block
    tap = isKeys ? .keys : .values
  }

  func wants(_ tap: ForwardTap, block: Int) -> Bool { tap == self.tap && block == self.block }

  func observe(
    _ tap: ForwardTap, block: Int, values: UnsafePointer<Float>, tokens: Int, columns: Int
  ) {
    self.values += UnsafeBufferPointer(start: values, count: tokens * columns)
  }
}
