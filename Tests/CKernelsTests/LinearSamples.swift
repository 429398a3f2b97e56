import CKernels
import Testing

/// The bits of a finite value rounded to bfloat16, half to even.
func bf16Bits(_ value: Float) -> UInt16 {
  let bits = value.bitPattern
  return UInt16((bits + 0x7fff + (bits >> 16) & 1) >> 16)
}

func bf16Rounded(_ value: Float) -> Float { Float(bitPattern: UInt32(bf16Bits(value)) << 16) }

/// A weight matrix in portable form and packed, with the values it stands for.
final class LinearWeights {
  let rows: Int
  let cols: Int
  /// What the matrix means, `[rows, cols]`, with the rounding of its packed form.
  let values: [Float]
  private(set) var description: nk_linear_weight
  private let packed: Scratch
  private let codebook: Scratch?
  /// The magnitudes that kernels sum, `[rows, cols]`.
  ///
  /// Of integer weights those of code and zero point, each counted from the middle code.
  let magnitudes: [Float]

  /// Random weights; `code` replaces the random codes of integer kinds, `zero` the zero points.
  init(
    _ kind: nk_weight_kind, rows: Int, cols: Int, group: Int = 0,
    zeroPoints: nk_zero_points = NK_ZERO_POINTS_FIXED, codebook entries: [Float]? = nil,
    seed: UInt64 = 1, code: ((Int, Int) -> UInt8)? = nil, zero: Float? = nil,
    misalignedBy offset: Int = 0
  ) {
    self.rows = rows
    self.cols = cols
    codebook = entries.map { entries in
      let memory = Scratch(entries.count * 4)
      memory.base.copyMemory(from: entries, byteCount: entries.count * 4)
      return memory
    }
    description = nk_linear_weight(
      kind: kind, zero_points: zeroPoints, rows: rows, cols: cols, group: group,
      codebook: codebook.map { UnsafePointer($0.base.assumingMemoryBound(to: Float.self)) },
      packed: nil, next_panels: 0)
    let groups = nk_linear_groups(&description)
    let bytes = nk_linear_packed_bytes(&description)
    packed = Scratch(bytes + offset)
    description.packed = UnsafeRawPointer(packed.base + offset)

    var numbers = SeededNumbers(seed: seed)
    // A stride beyond cols, so that rows are not found by luck.
    let stride = cols + 3
    var floats = [Float](repeating: .nan, count: rows * stride)
    var codes = [UInt8](repeating: 0xff, count: rows * stride)
    var scales: [Float] = []
    var zeros: [Float] = []
    let levels = 1 << kind.bits
    for _ in 0..<rows * groups {
      scales.append(Float(Float16(Float(1 + numbers.bits() % 1000) / 65536)))
      zeros.append(zero ?? zeroPoints.sample(levels: levels, &numbers))
    }
    var values: [Float] = []
    var magnitudes: [Float] = []
    let width = group > 0 && group < cols ? group : max(cols, 1)
    for row in 0..<rows {
      for col in 0..<cols {
        let at = row * stride + col
        guard kind.bits > 0 else {
          let value = numbers.normal()
          floats[at] = kind == NK_WEIGHT_BF16 ? bf16Rounded(value) : value
          values.append(floats[at])
          magnitudes.append(abs(floats[at]))
          continue
        }
        codes[at] =
          code?(row, col)
          ?? kind.number(UInt8(truncatingIfNeeded: numbers.bits() % UInt64(levels)))
        let index = row * groups + col / width
        let middle = Float(levels / 2)
        let zero = zeroPoints == NK_ZERO_POINTS_FIXED ? middle : zeros[index]
        let level =
          kind.isFloat8
          ? kind.float8(codes[at])
          : entries.map { bf16Rounded($0[Int(codes[at])]) } ?? Float(codes[at]) - zero
        values.append(scales[index] * level)
        guard !kind.isFloat8 else {
          magnitudes.append(scales[index] * abs(level))
          continue
        }
        magnitudes.append(
          entries == nil
            ? scales[index] * (abs(Float(codes[at]) - middle) + abs(zero - middle)) : abs(level))
      }
    }
    self.values = values
    self.magnitudes = magnitudes

    let halves = floats.map { $0.isNaN ? 0 : bf16Bits($0) }
    floats.withUnsafeBytes { floatBytes in
      halves.withUnsafeBytes { halfBytes in
        let source =
          kind == NK_WEIGHT_F32
          ? floatBytes.baseAddress : kind == NK_WEIGHT_BF16 ? halfBytes.baseAddress : nil
        codes.withUnsafeBytes { codeBytes in
          pack(source ?? codeBytes.baseAddress, stride: stride, scales: scales, zeros: zeros)
        }
      }
    }
  }

  private func pack(
    _ values: UnsafeRawPointer?, stride: Int, scales: [Float], zeros: [Float]
  ) {
    scales.withUnsafeBufferPointer { scales in
      zeros.withUnsafeBufferPointer { zeros in
        var source = nk_linear_source(
          values: values, stride: stride, scales: scales.baseAddress, zeros: zeros.baseAddress,
          first_row: 0)
        let target = UnsafeMutableRawPointer(mutating: description.packed)
        // In two ranges, the later first: packing must not depend on order.
        let panels = nk_linear_panels(rows)
        nk_linear_pack(&description, &source, panels / 2, panels, target)
        nk_linear_pack(&description, &source, 0, panels / 2, target)
      }
    }
  }
}

extension nk_zero_points {
  /// A code or, for real ones, a float16 number in or around the codes.
  fileprivate func sample(levels: Int, _ numbers: inout SeededNumbers) -> Float {
    guard self == NK_ZERO_POINTS_REAL else { return Float(numbers.bits() % UInt64(levels)) }
    let unit = Float(numbers.bits() % 4096) / 4096
    return Float(Float16((unit * 1.5 - 0.25) * Float(levels)))
  }
}

/// Activations converted by one version.
final class LinearInput {
  private(set) var activations: nk_activations
  private let storage: Scratch

  init(
    _ kind: nk_activation_kind, _ x: [Float], tokens: Int, cols: Int, fill: LinearVersion.Fill,
    misalignedBy offset: Int = 0
  ) {
    storage = Scratch(nk_activations_bytes(kind, tokens, cols) + offset)
    activations = nk_activations_layout(kind, tokens, cols, storage.base + offset)
    fill(&activations, x, cols, 0, tokens)
  }

  /// The numbers that are multiplied, `[tokens, cols]`.
  var values: [Float] {
    var result: [Float] = []
    for token in 0..<activations.tokens {
      let row = activations.values! + token * activations.stride
      for k in 0..<activations.cols {
        switch activations.kind {
        case NK_ACTIVATION_F32: result.append(row.load(fromByteOffset: 4 * k, as: Float.self))
        case NK_ACTIVATION_BF16:
          let index = k / 4 * 4 + k % 2 * 2 + k % 4 / 2
          let bits = row.load(fromByteOffset: 2 * index, as: UInt16.self)
          result.append(Float(bitPattern: UInt32(bits) << 16))
        default:
          let code = row.load(fromByteOffset: k, as: Int8.self)
          result.append(Float(code) * activations.scales[token])
        }
      }
    }
    return result
  }
}

extension LinearVersion {
  /// The output `[tokens, rows + 2]`, whose last two columns stay `untouched`.
  ///
  /// Panels are computed in as many calls as `calls`.
  func run(_ weights: LinearWeights, _ input: LinearInput, calls: Int = 1) -> [Float] {
    let ld = weights.rows + 2
    var out = [Float](repeating: LinearVersion.untouched, count: input.activations.tokens * ld)
    var weight = weights.description
    var x = input.activations
    let scratch = Scratch(nk_linear_scratch_bytes(&weight, activations))
    let panels = nk_linear_panels(weights.rows)
    for call in 0..<calls {
      function(
        &weight, panels * call / calls, panels * (call + 1) / calls, &x, &out, ld, scratch.base)
    }
    return out
  }

  static var untouched: Float { -77 }
}
