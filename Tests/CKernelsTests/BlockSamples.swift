import CKernels
import Testing

/// A kernel of a block type.
struct BlockVersion: CustomTestStringConvertible, Sendable {
  let kind: nk_weight_kind
  let activations: nk_activation_kind
  let provider: nk_provider

  static let kinds = [
    NK_WEIGHT_Q8_0, NK_WEIGHT_Q4_0, NK_WEIGHT_Q4_1, NK_WEIGHT_Q5_0, NK_WEIGHT_Q5_1,
    NK_WEIGHT_Q4_K, NK_WEIGHT_Q5_K, NK_WEIGHT_Q6_K, NK_WEIGHT_IQ4_NL, NK_WEIGHT_MXFP4,
  ]

  /// Every version this machine can run.
  static let all: [BlockVersion] = {
    var found: [BlockVersion] = []
    for kind in kinds {
      for activations in [
        NK_ACTIVATION_BF16, NK_ACTIVATION_INT8_BLOCKS, NK_ACTIVATION_INT16_BLOCKS,
      ] {
        for provider in [NK_PROVIDER_GENERIC, NK_PROVIDER_AVX2, NK_PROVIDER_AVX512]
        where nk_provider_supported(provider) != 0 {
          found.append(BlockVersion(kind: kind, activations: activations, provider: provider))
        }
      }
    }
    return found
  }()
  static let simd = all.filter { $0.provider != NK_PROVIDER_GENERIC }

  var twin: BlockVersion {
    BlockVersion(kind: kind, activations: activations, provider: NK_PROVIDER_GENERIC)
  }

  var testDescription: String {
    let names = [
      "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "MXFP4",
    ]
    let inputs =
      activations == NK_ACTIVATION_BF16
      ? "BF16" : activations == NK_ACTIVATION_INT8_BLOCKS ? "INT8" : "INT16"
    return "\(names[Int(kind.rawValue - NK_WEIGHT_Q8_0.rawValue)]) x \(inputs), provider "
      + "\(provider.rawValue)"
  }

  var fill: LinearVersion.Fill {
    #if arch(x86_64)
      switch provider {
      case NK_PROVIDER_AVX2: return nk_activations_fill_avx2
      case NK_PROVIDER_AVX512: return nk_activations_fill_avx512
      default: break
      }
    #endif
    return nk_activations_fill_generic
  }

  /// The output `[tokens, rows + 2]`, whose last two columns stay `untouched`.
  func run(_ weights: BlockWeights, _ input: BlockInput, calls: Int = 1) -> [Float] {
    let ld = weights.rows + 2
    var out = [Float](repeating: LinearVersion.untouched, count: input.activations.tokens * ld)
    var weight = weights.description
    var x = input.activations
    let scratch = Scratch(nk_linear_scratch_bytes(&weight, activations))
    let panels = nk_linear_panels(weights.rows)
    guard let function = nk_block_linear(kind, activations, provider) else { return [] }
    for call in 0..<calls {
      function(
        &weight, panels * call / calls, panels * (call + 1) / calls, &x, &out, ld, scratch.base)
    }
    return out
  }
}

/// Random blocks, packed.
final class BlockWeights {
  /// What the scales of blocks are.
  enum Scales: CaseIterable {
    case ordinary
    /// Zeros, the smallest and the largest numbers, both signs.
    case hard
  }

  let rows: Int
  let cols: Int
  private(set) var description: nk_linear_weight
  private let packed: Scratch
  /// As the file has them.
  let blocks: [UInt8]

  init(
    _ kind: nk_weight_kind, rows: Int, cols: Int, scales: Scales = .ordinary,
    code: UInt8? = nil, misalignedBy offset: Int = 0
  ) {
    self.rows = rows
    self.cols = cols
    let bytes = nk_block_bytes(kind)
    var numbers = SeededNumbers(seed: 11)
    var blocks: [UInt8] = []
    for _ in 0..<rows * cols / nk_block_columns(kind) {
      var block = (0..<bytes).map { _ in code ?? UInt8(truncatingIfNeeded: numbers.bits()) }
      if code != nil, kind == NK_WEIGHT_Q6_K {
        for at in 192..<208 { block[at] = UInt8(truncatingIfNeeded: numbers.bits()) }
      }
      for place in kind.halfPlaces {
        let half = scales.half(&numbers, isMinimum: place != kind.halfPlaces[0])
        block[place] = UInt8(half & 0xff)
        block[place + 1] = UInt8(half >> 8)
      }
      if kind == NK_WEIGHT_MXFP4 { block[0] = scales.exponent(&numbers) }
      blocks += block
    }
    self.blocks = blocks
    description = Self.description(kind, rows: rows, cols: cols)
    packed = Scratch(nk_linear_packed_bytes(&description) + offset)
    description.packed = UnsafeRawPointer(packed.base + offset)
    Self.pack(blocks, description)
  }

  /// What the matrix means, `[rows, cols]`.
  var values: [Float] { Self.values(&description) }

  /// The magnitudes that kernels sum: of scale times code, and of the minimum, apart.
  var magnitudes: [Float] {
    guard description.zero_points == NK_ZERO_POINTS_REAL else { return values.map { abs($0) } }
    var bare = blocks
    let bytes = nk_block_bytes(description.kind)
    for at in bare.indices where at % bytes >= description.kind.codePlace { bare[at] = 0 }
    var minima = description
    let memory = Scratch(packed.count)
    minima.packed = UnsafeRawPointer(memory.base)
    Self.pack(bare, minima)
    return zip(values, Self.values(&minima)).map { abs($0 - $1) + abs($1) }
  }

  static func description(_ kind: nk_weight_kind, rows: Int, cols: Int) -> nk_linear_weight {
    nk_linear_weight(
      kind: kind, zero_points: nk_block_zero_points(kind), rows: rows, cols: cols, group: 0,
      codebook: nil, packed: nil, next_panels: 0)
  }

  private static func values(_ weight: inout nk_linear_weight) -> [Float] {
    var out = [Float](repeating: 0, count: weight.rows * weight.cols)
    nk_linear_dequantize(&weight, 0, weight.rows, &out, weight.cols)
    return out
  }

  private static func pack(_ blocks: [UInt8], _ weight: nk_linear_weight) {
    var weight = weight
    let target = UnsafeMutableRawPointer(mutating: weight.packed)
    // In two ranges, the later first and from a source that holds only its rows.
    let panels = nk_linear_panels(weight.rows)
    let half = panels / 2
    let rowBytes = blocks.count / weight.rows
    blocks.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      nk_blocks_pack(&weight, base + half * 16 * rowBytes, half * 16, half, panels, target)
      nk_blocks_pack(&weight, base, 0, 0, half, target)
    }
  }
}

extension BlockWeights.Scales {
  fileprivate func half(_ numbers: inout SeededNumbers, isMinimum: Bool) -> UInt16 {
    let sign = UInt16(numbers.bits() % 2) << 15
    switch self {
    case .ordinary:
      let magnitude = Float16(Float(1 + numbers.bits() % 1000) / (isMinimum ? 1024 : 65536))
      return sign | magnitude.bitPattern
    case .hard:
      let known: [UInt16] = [0, 1, 0x3ff, 0x400, 0x3c00, 0x7bff]
      return sign | known[Int(numbers.bits() % UInt64(known.count))]
    }
  }

  fileprivate func exponent(_ numbers: inout SeededNumbers) -> UInt8 {
    switch self {
    case .ordinary: return UInt8(110 + numbers.bits() % 20)
    case .hard:
      let known: [UInt8] = [0, 1, 2, 127, 128, 200]
      return known[Int(numbers.bits() % UInt64(known.count))]
    }
  }
}

extension nk_weight_kind {
  /// Where 16-bit floats lie in a block.
  fileprivate var halfPlaces: [Int] {
    switch self {
    case NK_WEIGHT_MXFP4: []
    case NK_WEIGHT_Q6_K: [208]
    case NK_WEIGHT_Q4_1, NK_WEIGHT_Q5_1, NK_WEIGHT_Q4_K, NK_WEIGHT_Q5_K: [0, 2]
    default: [0]
    }
  }

  /// Where codes begin in a block of a type with minima.
  fileprivate var codePlace: Int { self == NK_WEIGHT_Q4_1 || self == NK_WEIGHT_Q5_1 ? 4 : 16 }
}

/// Activations for block kernels, converted by one version.
final class BlockInput {
  private(set) var activations: nk_activations
  private let storage: Scratch

  init(
    _ version: BlockVersion, _ x: [Float], tokens: Int, cols: Int, misalignedBy offset: Int = 0
  ) {
    storage = Scratch(nk_activations_bytes(version.activations, tokens, cols) + offset)
    activations = nk_activations_layout(version.activations, tokens, cols, storage.base + offset)
    version.fill(&activations, x, cols, 0, tokens)
  }

  /// All that was written, for comparison to the bit.
  var bytes: [UInt8] { storage.bytes }

  /// The numbers that are multiplied, `[tokens, cols]`.
  var values: [Float] {
    var result: [Float] = []
    for token in 0..<activations.tokens {
      let row = activations.values! + token * activations.stride
      for k in 0..<activations.cols {
        if activations.kind == NK_ACTIVATION_BF16 {
          let index = k / 4 * 4 + k % 2 * 2 + k % 4 / 2
          let bits = row.load(fromByteOffset: 2 * index, as: UInt16.self)
          result.append(Float(bitPattern: UInt32(bits) << 16))
        } else {
          let scale = activations.scales[token * activations.sum_stride + k / 32]
          let isWide = activations.kind == NK_ACTIVATION_INT16_BLOCKS
          let place = isWide ? k / 32 * 64 + k % 32 : k
          var code = Int(row.load(fromByteOffset: place, as: Int8.self))
          if isWide { code = code * 256 + Int(row.load(fromByteOffset: place + 32, as: Int8.self)) }
          result.append(Float(code) * scale)
        }
      }
    }
    return result
  }
}
