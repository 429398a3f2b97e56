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
  /// Whether a cache makes another coder once it has seen its first tokens.
  let learns: Bool
  private let levels: [KVMatrix]

  /// The coder of a format.
  ///
  /// - Parameters:
  ///   - order: all channels, those that get more bits first; as they are when not given.
  ///   - scale: the FP8 scale of formats that have one for all tokens, 1 when not given.
  ///   - known: levels of the same format and dimension, which take long to find.
  /// - Throws: `OperatorError.unsupportedCache` when no kernel stores such a cache.
  init(
    _ format: KVFormat, isKeys: Bool, headDimension: Int, order: [Int]? = nil,
    scale: Float? = nil, levels known: [KVMatrix]? = nil
  ) throws {
    (self.format, self.isKeys, self.headDimension) = (format, isKeys, headDimension)
    learns = format.learnsFromFirstTokens && order == nil
    let refusal = OperatorError.unsupportedCache(format, headDimension: headDimension)
    guard headDimension > 0, headDimension <= Int(NK_KV_MAX_HEAD_DIM) else { throw refusal }
    var described = nk_kv_format()
    described.role = Int32(isKeys ? NK_KV_KEYS : NK_KV_VALUES)
    var stored = headDimension
    var (transform, projection): (KVMatrix?, KVMatrix?) = (nil, nil)
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
      levels = try known ?? parts.map { try Self.levels($0) }
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
    (self.transform, self.projection, self.levels) = (transform, projection, levels)
  }

  /// A coder for vector codes whose transform and levels are given.
  ///
  /// - Parameters:
  ///   - transform: `[stored numbers, headDimension]`.
  ///   - projection: of form `prod`, as `unbiased` makes it.
  ///   - levels: of each part, ascending.
  /// - Throws: `OperatorError.unsupportedCache` when these do not fit the format.
  package init(
    codebook format: CodebookFormat, isKeys: Bool, headDimension: Int, transform: [Float],
    projection: [Float]? = nil, levels: [[Float]]
  ) throws {
    let refusal = OperatorError.unsupportedCache(
      .codebook(format: format), headDimension: headDimension)
    let parts = format.parts(headDimension: headDimension)
    let stored = parts.reduce(0) { $0 + $1.channels }
    guard headDimension > 0, transform.count == stored * headDimension,
      projection == nil || projection?.count == headDimension * headDimension,
      (format.form == .prod) == (projection != nil), parts.count == levels.count,
      zip(parts, levels).allSatisfy({ $1.count == 1 << $0.bits })
    else { throw refusal }
    self.format = .codebook(format: format)
    self.isKeys = isKeys
    learns = false
    self.headDimension = headDimension
    storedDimension = stored
    self.levels = levels.map { KVMatrix(rows: 1, columns: $0.count, $0) }
    self.transform = KVMatrix(rows: stored, columns: headDimension, transform)
    self.projection = projection.map {
      KVMatrix(rows: headDimension, columns: headDimension, $0)
    }
    var described = nk_kv_format()
    described.role = Int32(isKeys ? NK_KV_KEYS : NK_KV_VALUES)
    described.kind = Int32(NK_KV_CODEBOOK)
    described.head_dim = Int32(stored)
    described.keeps_norm = format.keepsNorm ? 1 : 0
    Self.describe(parts, self.levels, in: &described)
    guard nk_kv_format_check(&described) != 0 else { throw refusal }
    kernel = described
  }

  /// The coder of the latest tokens next to this one: full precision in the coordinates of this one, so that queries are
  /// turned once, and sums over both are brought back once.
  private init(recentOf other: KVCoder, type: DType) throws {
    let plain = try KVCoder(
      .float(type: type), isKeys: other.isKeys, headDimension: other.headDimension)
    format = plain.format
    isKeys = plain.isKeys
    headDimension = plain.headDimension
    storedDimension = plain.storedDimension
    kernel = plain.kernel
    transform = other.transform
    projection = nil
    learns = false
    levels = []
  }

  /// The coder of the latest tokens next to this one, in full precision.
  ///
  /// - Throws: `OperatorError.windowOfProjection` where more is stored of a vector than its channels; `.unsupportedCache` for
  ///   a type that no kernel stores.
  func recent(_ type: DType) throws -> KVCoder {
    guard projection == nil, storedDimension == headDimension else {
      throw OperatorError.windowOfProjection(format)
    }
    return try KVCoder(recentOf: self, type: type)
  }

  /// Bytes of a block of 64 tokens.
  var blockBytes: Int {
    var kernel = kernel
    return nk_kv_block_bytes(&kernel)
  }

  /// The scale of the signs of a residual of length 1: `sqrt(pi / 2) / d` (algorithm 2).
  package static func signScale(dimension: Int) -> Float {
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
    var more = 0
    if case .codebook(let codes) = format {
      more = codes.extraChannels(headDimension: headDimension)
    }
    let order = Self.order(squares, more: more)
    var limit: Float = 448
    if case .fp8(.f8e5m2, _) = format { limit = 57344 }
    return try KVCoder(
      format, isKeys: isKeys, headDimension: headDimension, order: order,
      scale: largest > 0 ? max(largest / limit, 0x1p-100) : 1,
      levels: levels.isEmpty ? nil : levels)
  }

  /// The `more` channels of the largest squares, then the others, each in their own order.
  package static func order(_ squares: [Double], more: Int) -> [Int] {
    // Equal channels stay in order, so that the choice is the same everywhere.
    let ranked = squares.indices.sorted {
      squares[$0] != squares[$1] ? squares[$0] > squares[$1] : $0 < $1
    }
    return ranked.prefix(more).sorted() + ranked.dropFirst(more).sorted()
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
      let made = unbiased(
        rotation: parts.count > 1 ? codes.rotation.matrix(dimension: dimension) : nil,
        gaussian: KVRotation.gaussian(dimension: dimension, seed: codes.rotation.seed),
        dimension: dimension)
      return (
        KVMatrix(
          rows: made.transform.count / dimension, columns: dimension, made.transform),
        KVMatrix(rows: dimension, columns: dimension, made.projection)
      )
    }
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

  /// The transform of form `prod`, rotation above projection, and the projection of vectors that are
  /// already rotated, `S R^T`.
  ///
  /// - Parameters:
  ///   - rotation: `[dimension, dimension]`; nil where all bits are signs.
  ///   - gaussian: `[dimension, dimension]`, S in the paper.
  package static func unbiased(
    rotation: [Float]?, gaussian: [Float], dimension: Int
  ) -> (transform: [Float], projection: [Float]) {
    guard let rotation else { return (gaussian, gaussian) }
    var turned = gaussian
    for row in 0..<dimension {
      for column in 0..<dimension {
        var sum = 0.0
        for k in 0..<dimension {
          sum += Double(gaussian[row * dimension + k]) * Double(rotation[column * dimension + k])
        }
        turned[row * dimension + column] = Float(sum)
      }
    }
    return (rotation + gaussian, turned)
  }
}

/// Scale and minimum of a group of numbers, as the group formats (KIVI) find them before they are rounded to 16 bits.
package struct KVGroupGrid: Hashable, Sendable {
  package let scale: Float
  package let minimum: Float
  private let most: Int

  /// The grid of `count` numbers from `first` on, `stride` apart.
  package init(_ values: [Float], from first: Int, stride: Int, count: Int, bits: Int) {
    precondition(
      count > 0 && first >= 0 && first + (count - 1) * stride < values.count, "a group in range")
    var scale: Float = 0
    var minimum: Float = 0
    values.withUnsafeBufferPointer { values in
      guard let base = values.baseAddress else { return }
      nk_kv_group_grid(Int32(bits), base + first, stride, Int32(count), &scale, &minimum)
    }
    self.scale = scale
    self.minimum = minimum
    most = (1 << bits) - 1
  }

  /// The code that a decoded number stands for.
  package func code(of value: Float) -> Int {
    guard scale > 0 else { return 0 }
    return min(most, max(0, Int(((value - minimum) / scale).rounded(.toNearestOrEven))))
  }
}

extension KVCoder {
  /// Codes of all parts, and the scale of each.
  package struct Encoded {
    package var codes: [UInt8]
    package var scales: [Float]
  }

  /// What a vector of `headDimension` numbers is stored as by a codebook format.
  package func encode(_ vector: [Float]) -> Encoded {
    precondition(vector.count == headDimension, "a vector of \(headDimension)")
    var turned = [Float](repeating: 0, count: storedDimension)
    return vector.withUnsafeBufferPointer { vector in
      turned.withUnsafeMutableBufferPointer { turned in
        guard let vector = vector.baseAddress, let turned = turned.baseAddress else {
          return Encoded(codes: [], scales: [])
        }
        transform?.multiply(
          vector, stride: headDimension, rows: 1, into: turned, outStride: storedDimension)
        return encode(turned: turned, original: vector)
      }
    }
  }

  /// Codes of the rotated vector; of the unbiased form then the signs of the projection of what the
  /// codes leave (TurboQuant, algorithm 2), which overwrites the projected part of `turned`.
  func encode(
    turned vector: UnsafeMutablePointer<Float>, original: UnsafePointer<Float>
  ) -> Encoded {
    let parts = [kernel.part.0, kernel.part.1]
    var codes = [UInt8](repeating: 0, count: storedDimension)
    var scales = [Float](repeating: 0, count: Int(kernel.parts))
    let coded = projection == nil ? scales.count : scales.count - 1
    var first = 0
    for index in 0..<coded {
      var part = parts[index]
      codes.withUnsafeMutableBufferPointer { codes in
        guard let base = codes.baseAddress else { return }
        nk_kv_encode(&part, kernel.keeps_norm, vector + first, base + first, &scales[index])
      }
      first += Int(part.channels)
    }
    guard let projection else { return Encoded(codes: codes, scales: scales) }
    var residual = [Float](repeating: 0, count: headDimension)
    if coded > 0, let levels = parts[0].levels {
      for channel in 0..<headDimension {
        residual[channel] = vector[channel] - scales[0] * levels[Int(codes[channel])]
      }
      projection.multiply(
        residual, stride: headDimension, rows: 1, into: vector + first, outStride: headDimension)
    } else {
      for channel in 0..<headDimension { residual[channel] = original[channel] }
    }
    for channel in first..<storedDimension { codes[channel] = vector[channel] < 0 ? 0 : 1 }
    let norm = residual.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    scales[coded] = norm.isFinite ? Float(norm) * Self.signScale(dimension: headDimension) : 0
    return Encoded(codes: codes, scales: scales)
  }
}
