import Models
import Operators
import Platform
import Tensors

/// TurboQuant of given vectors with a given rotation and projection: codes, norms, and what the cache gives back.
///
/// Decoded vectors are read from real blocks of a key cache, where norms are 16-bit floats; codes and norms are those
/// that were stored. Of the mixed-bit cases (`hi` and `lo`) the channels are chosen here as well.
package enum TurboQuantConformance: ConformanceFamily {
  package static func claims(_ item: ConformanceCase) -> Bool {
    item.method == "TurboQuant" && item.tensor("in.X") != nil
  }

  package static func run(_ run: inout ConformanceRun) throws {
    let shape = try run.fixture.dimensions("in.X", rank: 2)
    let vectors = Vectors(values: try run.fixture.floats("in.X"), width: shape[1])
    if run.item.tensor("in.hi.Pi") != nil {
      try mixed(&run, vectors)
    } else {
      try plain(&run, vectors)
    }
  }

  private struct Vectors {
    var values: [Float]
    var width: Int

    var count: Int { values.count / width }
    subscript(_ index: Int) -> [Float] { Array(values[index * width..<(index + 1) * width]) }
  }

  private static func plain(_ run: inout ConformanceRun, _ vectors: Vectors) throws {
    let width = vectors.width
    let levels = try run.fixture.floats("in.centroids")
    let rotation = try run.fixture.floats("in.Pi")
    let bits = (levels.count - 1).bitWidth - (levels.count - 1).leadingZeroBitCount
    for (name, keepsNorm) in [("mse", false), ("mse_normcorr", true)] {
      let coder = try KVCoder(
        codebook: CodebookFormat(bits: bits, keepsNorm: keepsNorm), isKeys: true,
        headDimension: width, transform: rotation, levels: [levels])
      let decoded = try roundTrip(vectors, coder)
      if run.lists("\(name).x_hat") { try run.check("\(name).x_hat", decoded) }
      guard !keepsNorm else { continue }
      let encoded = (0..<vectors.count).map { coder.encode(vectors[$0]) }
      try run.check("norm", encoded.map { $0.scales[0] })
      try run.check("mse.indices", encoded.flatMap(\.codes))
      try run.check("mse.ip", try products(run, decoded, width))
    }
    guard run.lists("prod.x_hat") else { return }
    let made = KVCoder.unbiased(
      rotation: rotation, gaussian: try run.fixture.floats("in.S"), dimension: width)
    let coder = try KVCoder(
      codebook: CodebookFormat(bits: bits, form: .prod), isKeys: true, headDimension: width,
      transform: made.transform, projection: made.projection,
      levels: [try run.fixture.floats("in.centroids_bm1"), [-1, 1]])
    let encoded = (0..<vectors.count).map { coder.encode(vectors[$0]) }
    try run.check("prod.mse_indices", encoded.flatMap { $0.codes.prefix(width) })
    try run.check(
      "prod.signs", encoded.flatMap { $0.codes.suffix(width).map { Int($0) * 2 - 1 } })
    let scale = KVCoder.signScale(dimension: width)
    try run.check("prod.residual_norm", encoded.map { $0.scales[1] / scale / $0.scales[0] })
    let decoded = try roundTrip(vectors, coder)
    try run.check("prod.x_hat", decoded)
    try run.check("prod.ip", try products(run, decoded, width))
  }

  private static func mixed(_ run: inout ConformanceRun, _ vectors: Vectors) throws {
    let width = vectors.width
    let high = try run.fixture.dimensions("in.hi.Pi", rank: 2)[0]
    var squares = [Double](repeating: 0, count: width)
    for (index, value) in vectors.values.enumerated() {
      squares[index % width] += Double(value) * Double(value)
    }
    let order = KVCoder.order(squares, more: high)
    try run.check("hi_idx", Array(order.prefix(high)))
    try run.check("lo_idx", Array(order.dropFirst(high)))
    var transform = [Float](repeating: 0, count: width * width)
    var first = 0
    for (name, size) in [("hi", high), ("lo", width - high)] {
      let rotation = try run.fixture.floats("in.\(name).Pi")
      for row in 0..<size {
        for column in 0..<size {
          transform[(first + row) * width + order[first + column]] = rotation[row * size + column]
        }
      }
      first += size
    }
    let levels = try ["hi", "lo"].map { try run.fixture.floats("in.\($0).centroids") }
    let low = (levels[1].count - 1).bitWidth - (levels[1].count - 1).leadingZeroBitCount
    let coder = try KVCoder(
      codebook: CodebookFormat(bits: low, extraShare: Double(high) / Double(width)), isKeys: true,
      headDimension: width, transform: transform, levels: levels)
    let encoded = (0..<vectors.count).map { coder.encode(vectors[$0]) }
    try run.check("hi.indices", encoded.flatMap { $0.codes.prefix(high) })
    try run.check("lo.indices", encoded.flatMap { $0.codes.dropFirst(high) })
    try run.check("hi.norm", encoded.map { $0.scales[0] })
    try run.check("lo.norm", encoded.map { $0.scales[1] })
    try run.check("x_hat", try roundTrip(vectors, coder))
  }

  /// `[queries, vectors]`: inner products with what the cache gives back.
  private static func products(
    _ run: ConformanceRun, _ decoded: [Float], _ width: Int
  ) throws -> [Float] {
    let queries = Vectors(values: try run.fixture.floats("in.Y"), width: width)
    var products: [Float] = []
    for row in 0..<queries.count {
      let query = queries[row]
      for start in stride(from: 0, to: decoded.count, by: width) {
        var sum = 0.0
        for index in 0..<width { sum += Double(query[index]) * Double(decoded[start + index]) }
        products.append(Float(sum))
      }
    }
    return products
  }

  /// The vectors after a stay in the blocks of a cache.
  private static func roundTrip(_ vectors: Vectors, _ coder: KVCoder) throws -> [Float] {
    let plain = try KVLayerCoding(format: .fp32, headDimension: vectors.width)
    let cache = BlockKVCache(
      pool: KVBlockPool(
        coding: KVLayerCoding(keys: coder, valuesOf: plain), kvHeads: 1,
        headDimension: vectors.width), capacity: vectors.count)
    return try ConformanceCache.roundTrip(vectors.values, count: vectors.count, cache)
  }
}

/// Keys and values through a cache of one layer and head.
enum ConformanceCache {
  /// Appends all vectors at once, as keys and as values, and reads the keys back.
  static func roundTrip(_ vectors: [Float], count: Int, _ cache: BlockKVCache) throws -> [Float] {
    let context = try ExecutionContext(pool: WorkerPool(threads: 1))
    var out = vectors
    try cache.reserve(count)
    cache.append(keys: vectors, values: vectors, tokens: count, layer: 0, context: context)
    cache.advance(count)
    context.read(cache.view(layer: 0), keys: true, head: 0, range: 0..<count, into: &out)
    return out
  }
}
