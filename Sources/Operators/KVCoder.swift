internal import CKernels
package import Tensors

/// What one side (keys or values) of a cache does to vectors before they are stored, and how they are stored.
///
/// A vector x of a head becomes `transform x`, which the kernels store in blocks; queries are transformed alike, so that
/// scores come out the same, and sums of values are brought back by the transposed transform.
package final class KVCoder: Sendable {
  let format: KVFormat
  let isKeys: Bool
  let headDimension: Int
  /// Numbers stored for a vector.
  let storedDimension: Int
  /// The format as kernels know it; its levels are owned by this coder.
  nonisolated(unsafe) let kernel: nk_kv_format
  /// `[storedDimension, headDimension]`, nil where vectors are stored as they are.
  let transform: KVMatrix?
  /// Of the unbiased form: from what the codes leave of the rotated vector to the projection whose signs are stored,
  /// `[headDimension, headDimension]`.
  let projection: KVMatrix?
  private let levels: [KVMatrix]

  /// The coder of a format.
  ///
  /// - Parameters:
  ///   - order: all channels, those that get more bits first; as they are when not given.
  ///   - scale: the FP8 scale of formats that have one for all tokens, 1 when not given.
  /// - Throws: `OperatorError.unsupportedCache` when no kernel stores such a cache.
  init(
    _ format: KVFormat, isKeys: Bool, headDimension: Int, order: [Int]? = nil, scale: Float? = nil
  ) throws {
    self.format = format
    self.isKeys = isKeys
    self.headDimension = headDimension
    let refusal = OperatorError.unsupportedCache(format, headDimension: headDimension)
    guard headDimension > 0, headDimension <= Int(NK_KV_MAX_HEAD_DIM) else { throw refusal }
    var described = nk_kv_format()
    described.role = Int32(isKeys ? NK_KV_KEYS : NK_KV_VALUES)
    var stored = headDimension
    var transform: KVMatrix?
    var projection: KVMatrix?
    var levels: [KVMatrix] = []
    var inner = format
    if case .rotated(let wrapped, let rotation) = format {
      inner = wrapped
      transform = KVMatrix(
        rows: headDimension, columns: headDimension, rotation.matrix(dimension: headDimension))
    }
    switch inner {
    case .float(.f32): described.kind = Int32(NK_KV_F32)
    case .float(.f16): described.kind = Int32(NK_KV_F16)
    case .float: throw refusal
    case .integer(let bits, let group):
      guard bits == 8 || bits == 4 else { throw refusal }
      described.kind = Int32(bits == 8 ? NK_KV_INT8 : NK_KV_INT4)
      described.group = Int32(KVFormat.effectiveGroup(group, headDimension: headDimension))
    case .fp8(let type, let kind):
      guard type == .f8e4m3 || type == .f8e5m2 else { throw refusal }
      described.kind = Int32(type == .f8e4m3 ? NK_KV_E4M3 : NK_KV_E5M2)
      described.scale = kind == .token ? 0 : scale ?? 1
    case .channelGroups(let bits, let tokens):
      described.kind = Int32(NK_KV_CHANNEL_GROUPS)
      described.bits = Int32(bits)
      described.group = Int32(tokens)
    case .tokenGroups(let bits, let group):
      described.kind = Int32(NK_KV_TOKEN_GROUPS)
      described.bits = Int32(bits)
      described.group = Int32(KVFormat.effectiveGroup(group, headDimension: headDimension))
    case .codebook(let codes):
      guard transform == nil else { throw refusal }
      let parts = codes.parts(headDimension: headDimension)
      stored = parts.reduce(0) { $0 + $1.channels }
      guard stored <= Int(NK_KV_MAX_HEAD_DIM), parts.count <= Int(NK_KV_PARTS) else {
        throw refusal
      }
      levels = try parts.map { try Self.levels($0) }
      (transform, projection) = Self.transform(codes, parts, headDimension, order)
      described.kind = Int32(NK_KV_CODEBOOK)
      described.keeps_norm = codes.keepsNorm ? 1 : 0
      Self.describe(parts, levels, in: &described)
    case .rotated: throw refusal
    }
    described.head_dim = Int32(stored)
    guard nk_kv_format_check(&described) != 0 else { throw refusal }
    kernel = described
    storedDimension = stored
    self.transform = transform
    self.projection = projection
    self.levels = levels
  }

  /// A coder for vector codes whose matrices and levels are given: rotation, projection for the signs of the residual (nil for
  /// none), and levels for each.
  ///
  /// - Throws: `OperatorError.unsupportedCache` when no kernel stores such a cache.
  package init(
    codebook format: CodebookFormat, isKeys: Bool, headDimension: Int, rotation: [Float],
    projection gaussian: [Float]?, levels given: [Float]?
  ) throws {
    let refusal = OperatorError.unsupportedCache(
      .codebook(format: format), headDimension: headDimension)
    let parts = format.parts(headDimension: headDimension)
    self.format = .codebook(format: format)
    self.isKeys = isKeys
    self.headDimension = headDimension
    storedDimension = parts.reduce(0) { $0 + $1.channels }
    guard rotation.count == headDimension * headDimension,
      parts.contains(where: \.isSigns) == (gaussian != nil)
    else { throw refusal }
    levels = try parts.map {
      if !$0.isSigns, let given { return KVMatrix(rows: 1, columns: given.count, given) }
      return try Self.levels($0)
    }
    (transform, projection) = Self.unbiased(
      parts, headDimension, rotation: rotation, gaussian: gaussian)
    var described = nk_kv_format()
    described.role = Int32(isKeys ? NK_KV_KEYS : NK_KV_VALUES)
    described.kind = Int32(NK_KV_CODEBOOK)
    described.head_dim = Int32(storedDimension)
    described.keeps_norm = format.keepsNorm ? 1 : 0
    guard zip(parts, levels).allSatisfy({ $1.values.count == 1 << $0.bits }) else { throw refusal }
    Self.describe(parts, levels, in: &described)
    guard nk_kv_format_check(&described) != 0 else { throw refusal }
    kernel = described
  }

  /// Bytes of a block of 64 tokens.
  var blockBytes: Int {
    var kernel = kernel
    return nk_kv_block_bytes(&kernel)
  }

  /// The scale of the signs of a residual of length 1: `sqrt(pi / 2) / d` (algorithm 2).
  static func signScale(dimension: Int) -> Float {
    Float((Double.pi / 2).squareRoot() / Double(dimension))
  }

  /// A coder for a head whose first vectors are given, `stride` numbers from one to the next.
  func learned(
    from vectors: UnsafePointer<Float>, tokens: Int, stride: Int
  ) throws -> KVCoder {
    var squares = [Double](repeating: 0, count: headDimension)
    var largest: Float = 0
    for token in 0..<tokens {
      for channel in 0..<headDimension {
        let value = vectors[token * stride + channel]
        guard value.isFinite else { continue }
        squares[channel] += Double(value) * Double(value)
        largest = max(largest, value.magnitude)
      }
    }
    // Equal channels stay in order, so that the choice is the same everywhere.
    let order = squares.indices.sorted {
      squares[$0] != squares[$1] ? squares[$0] > squares[$1] : $0 < $1
    }
    var limit: Float = 448
    if case .fp8(.f8e5m2, _) = format { limit = 57344 }
    return try KVCoder(
      format, isKeys: isKeys, headDimension: headDimension, order: order,
      scale: largest > 0 ? max(largest / limit, 0x1p-100) : 1)
  }

  private static func levels(_ part: CodebookFormat.Part) throws -> KVMatrix {
    guard !part.isSigns else { return KVMatrix(rows: 1, columns: 2, [-1, 1]) }
    let codebook = try LloydMaxCodebook(dimension: part.channels, bits: part.bits)
    return KVMatrix(rows: 1, columns: codebook.levels.count, codebook.levels)
  }

  private static func describe(
    _ parts: [CodebookFormat.Part], _ levels: [KVMatrix], in described: inout nk_kv_format
  ) {
    described.parts = Int32(parts.count)
    for (index, (part, levels)) in zip(parts, levels).enumerated() {
      let entry = nk_kv_part(
        channels: Int32(part.channels), bits: Int32(part.bits), levels: levels.pointer)
      if index == 0 { described.part.0 = entry } else { described.part.1 = entry }
    }
  }

  /// The matrices of a codebook: each part rotates its own channels.
  private static func transform(
    _ codes: CodebookFormat, _ parts: [CodebookFormat.Part], _ dimension: Int, _ order: [Int]?
  ) -> (KVMatrix, KVMatrix?) {
    if codes.form == .prod {
      return unbiased(
        parts, dimension, rotation: codes.rotation.matrix(dimension: dimension),
        gaussian: KVRotation.gaussian(dimension: dimension, seed: codes.rotation.seed))
    }
    let more = parts.count > 1 ? parts[0].channels : 0
    // Within a part channels stay in order.
    let order = order.map { $0.prefix(more).sorted() + $0.dropFirst(more).sorted() }
    var matrix = [Float](repeating: 0, count: dimension * dimension)
    var first = 0
    for part in parts {
      let rotation = codes.rotation.matrix(dimension: part.channels)
      for row in 0..<part.channels {
        for column in 0..<part.channels {
          let channel = order?[first + column] ?? first + column
          matrix[(first + row) * dimension + channel] = rotation[row * part.channels + column]
        }
      }
      first += part.channels
    }
    return (KVMatrix(rows: dimension, columns: dimension, matrix), nil)
  }

  /// Rotation above projection, and the projection of rotated vectors.
  private static func unbiased(
    _ parts: [CodebookFormat.Part], _ dimension: Int, rotation: [Float], gaussian: [Float]?
  ) -> (KVMatrix, KVMatrix?) {
    guard let gaussian else {
      return (KVMatrix(rows: dimension, columns: dimension, rotation), nil)
    }
    let hasCodes = parts.count > 1
    let matrix = (hasCodes ? rotation : []) + gaussian
    var turned = gaussian
    if hasCodes {
      // S R^T: what S sees of a vector that is given as R x.
      for row in 0..<dimension {
        for column in 0..<dimension {
          var sum = 0.0
          for k in 0..<dimension {
            sum += Double(gaussian[row * dimension + k]) * Double(rotation[column * dimension + k])
          }
          turned[row * dimension + column] = Float(sum)
        }
      }
    }
    return (
      KVMatrix(rows: matrix.count / dimension, columns: dimension, matrix),
      KVMatrix(rows: dimension, columns: dimension, turned)
    )
  }
}

/// A row-major matrix at an address that stays.
final class KVMatrix: Sendable {
  let rows: Int
  let columns: Int
  nonisolated(unsafe) private let storage: UnsafeMutablePointer<Float>

  init(rows: Int, columns: Int, _ values: [Float]) {
    precondition(values.count == rows * columns, "a matrix of \(rows) x \(columns)")
    self.rows = rows
    self.columns = columns
    storage = .allocate(capacity: max(1, values.count))
    storage.initialize(from: values, count: values.count)
  }

  deinit { storage.deallocate() }

  var pointer: UnsafePointer<Float> { UnsafePointer(storage) }
  var values: UnsafeBufferPointer<Float> { .init(start: storage, count: rows * columns) }
}
