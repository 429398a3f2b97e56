import CKernels
import Testing

@Suite struct LinearPackTests {
  @Test("Packed weights read back as what they mean", arguments: 0...7)
  func dequantize(kind: Int) {
    let kind = nk_weight_kind.kinds[kind]
    for (rows, cols, group) in [(1, 1, 0), (16, 32, 32), (37, 333, 32), (50, 1000, 96)] {
      for zeroPoints in kind.zeroPoints {
        let weights = LinearWeights(
          kind, rows: rows, cols: cols, group: group, zeroPoints: zeroPoints)
        var weight = weights.description
        var out = [Float](repeating: 0, count: rows * cols)
        // In two pieces, to see rows begin in the middle of a panel.
        nk_linear_dequantize(&weight, 0, rows / 2, &out, cols)
        out.withUnsafeMutableBufferPointer {
          nk_linear_dequantize(&weight, rows / 2, rows, $0.baseAddress! + rows / 2 * cols, cols)
        }
        #expect(out == weights.values)
      }
    }
  }

  @Test("A codebook replaces the levels")
  func codebook() {
    var numbers = SeededNumbers(seed: 4)
    let weights = LinearWeights(
      NK_WEIGHT_INT4, rows: 20, cols: 80, group: 32, codebook: numbers.normals(16))
    var weight = weights.description
    var out = [Float](repeating: 0, count: 20 * 80)
    nk_linear_dequantize(&weight, 0, 20, &out, 80)
    #expect(out == weights.values)
  }

  @Test("Rows can be packed from a source that holds only them")
  func streaming() {
    let (rows, cols) = (40, 64)
    var weight = nk_linear_weight(
      kind: NK_WEIGHT_INT4, zero_points: NK_ZERO_POINTS_FIXED, rows: rows, cols: cols, group: 0,
      codebook: nil,
      packed: nil, next_panels: 0)
    let bytes = nk_linear_packed_bytes(&weight)
    let codes = (0..<rows * cols).map { UInt8($0 * 7 % 16) }
    let scales = (0..<rows).map { Float($0 + 1) }
    let whole = Scratch(bytes, fill: 1)
    let pieces = Scratch(bytes, fill: 2)
    var source = nk_linear_source()
    source.stride = cols
    codes.withUnsafeBufferPointer { codes in
      scales.withUnsafeBufferPointer { scales in
        source.values = UnsafeRawPointer(codes.baseAddress)
        source.scales = scales.baseAddress
        nk_linear_pack(&weight, &source, 0, 3, whole.base)
        for panel in 0..<3 {
          source.first_row = panel * 16
          source.values = UnsafeRawPointer(codes.baseAddress! + panel * 16 * cols)
          source.scales = scales.baseAddress! + panel * 16
          nk_linear_pack(&weight, &source, panel, panel + 1, pieces.base)
        }
      }
    }
    #expect(whole.bytes == pieces.bytes)
  }

  @Test("Sizes are as small as the formats promise")
  func sizes() {
    func bytes(
      _ kind: nk_weight_kind, group: Int, _ zeroPoints: nk_zero_points = NK_ZERO_POINTS_FIXED
    ) -> Int {
      var weight = nk_linear_weight(
        kind: kind, zero_points: zeroPoints, rows: 64, cols: 2048, group: group, codebook: nil,
        packed: nil, next_panels: 0)
      return nk_linear_packed_bytes(&weight)
    }
    #expect(bytes(NK_WEIGHT_F32, group: 0) == 64 * 2048 * 4)
    #expect(bytes(NK_WEIGHT_BF16, group: 0) == 64 * 2048 * 2)
    // 4 + 16/128 bits; with zero points another 8/128, or 16/128 when they are real.
    #expect(bytes(NK_WEIGHT_INT4, group: 128) == 64 * 2048 * 33 / 64)
    #expect(bytes(NK_WEIGHT_INT4, group: 128, NK_ZERO_POINTS_INTEGER) == 64 * 2048 * 67 / 128)
    #expect(bytes(NK_WEIGHT_INT4, group: 128, NK_ZERO_POINTS_REAL) == 64 * 2048 * 34 / 64)
    #expect(bytes(NK_WEIGHT_INT3, group: 128) == 64 * 2048 * 25 / 64)
    #expect(bytes(NK_WEIGHT_INT2, group: 64) == 64 * 2048 * 9 / 32)
  }

  @Test("A description that no kernel reads has no size")
  func invalid() {
    func size(_ change: (inout nk_linear_weight) -> Void) -> Int {
      var weight = nk_linear_weight(
        kind: NK_WEIGHT_INT4, zero_points: NK_ZERO_POINTS_FIXED, rows: 64, cols: 2048, group: 128,
        codebook: nil,
        packed: nil, next_panels: 0)
      change(&weight)
      return nk_linear_packed_bytes(&weight)
    }
    #expect(size { _ in } > 0)
    #expect(size { $0.group = 48 } == 0)
    #expect(size { $0.kind = nk_weight_kind(rawValue: 18) } == 0)
    #expect(size { $0.kind = nk_weight_kind(rawValue: -1) } == 0)
    #expect(size { $0.rows = Int.max } == 0)
    #expect(size { $0.cols = Int.max } == 0)
    #expect(size { $0.zero_points = nk_zero_points(rawValue: 3) } == 0)
    #expect(size { $0.zero_points = nk_zero_points(rawValue: -1) } == 0)
    #expect(size { ($0.kind, $0.zero_points) = (NK_WEIGHT_BF16, NK_ZERO_POINTS_REAL) } == 0)
    #expect(nk_activations_bytes(NK_ACTIVATION_INT8, Int.max, 64) == 0)
    #expect(nk_activations_bytes(NK_ACTIVATION_INT8, 1, Int.max) == 0)
    #expect(nk_activations_bytes(NK_ACTIVATION_BF16, 0, 64) > 0)
  }
}
