import CKernels
import Testing

/// Activations in other codes than the plain ones, and what is left to do after a kernel.
@Suite struct LinearCodingTests {
  /// The fills this machine can run, one a provider.
  private static let fills: [LinearVersion] = LinearVersion.all.filter {
    $0.weights == NK_WEIGHT_BF16 && $0.activations == NK_ACTIVATION_BF16
  }

  /// Activations of one kind, coded as `prepare` says.
  private final class Coded {
    var activations: nk_activations
    private let storage: Scratch

    init(
      _ kind: nk_activation_kind, _ x: [Float], tokens: Int, fill: LinearVersion.Fill,
      _ prepare: (inout nk_activations) -> Void = { _ in }
    ) {
      let cols = x.count / tokens
      storage = Scratch(nk_activations_bytes(kind, tokens, cols))
      activations = nk_activations_layout(kind, tokens, cols, storage.base)
      prepare(&activations)
      fill(&activations, x, cols, 0, tokens)
    }

    func codes(_ token: Int = 0) -> [Int8] {
      let row = activations.values! + token * activations.stride
      let padded = (activations.cols + 31) / 32 * 32
      return (0..<padded).map { row.load(fromByteOffset: $0, as: Int8.self) }
    }

    func numbers(_ token: Int = 0) -> [Float] {
      let row = activations.values! + token * activations.stride
      return (0..<activations.cols).map { k in
        let index = k / 4 * 4 + k % 2 * 2 + k % 4 / 2
        let bits = row.load(fromByteOffset: 2 * index, as: UInt16.self)
        return Float(bitPattern: UInt32(bits) << 16)
      }
    }

    /// Everything that is stored of a token, as text.
    func everything(_ token: Int) -> String {
      let a = activations
      let code = a.kind == NK_ACTIVATION_INT8 ? "\(codes(token))" : "\(numbers(token))"
      let running =
        a.kind == NK_ACTIVATION_INT8
        ? "\((0..<a.sum_stride).map { a.running[token * a.sum_stride + $0] }) \(a.zeros[token])"
        : ""
      return "\(code) \(running) \(a.scales[token]) \(a.clipped[token])"
    }
  }

  @Test("Asymmetric codes use all 256, and 0 has one of its own", arguments: fills)
  func asymmetric(version: LinearVersion) {
    let coded = Coded(NK_ACTIVATION_INT8, [-1, 0, 254, 2], tokens: 1, fill: version.fill) {
      $0.is_asymmetric = 1
    }
    #expect(coded.activations.scales[0] == 1)
    #expect(coded.activations.zeros[0] == -127)
    #expect(Array(coded.codes()[0..<4]) == [-128, -127, 127, -125])
    #expect(coded.codes()[4...].allSatisfy { $0 == 0 }, "what pads is 0 and not the zero point")
    #expect(coded.activations.running[1] == -128 - 127 + 127 - 125)
    // A range on one side of 0 is stretched to it.
    let high = Coded(NK_ACTIVATION_INT8, [51, 255], tokens: 1, fill: version.fill) {
      $0.is_asymmetric = 1
    }
    #expect(high.activations.zeros[0] == -128)
    #expect(Array(high.codes()[0..<2]) == [-77, 127])
  }

  @Test("A given range clamps what lies beyond and counts it", arguments: fills)
  func given(version: LinearVersion) {
    let x: [Float] = [1, -1, 2, -3.5, 0.5, .infinity, .nan, 1e30]
    let coded = Coded(NK_ACTIVATION_INT8, x, tokens: 1, fill: version.fill) {
      nk_activations_give(&$0, -1.27, 1)
    }
    #expect(abs(coded.activations.scales[0] - 0.01) < 1e-8)
    #expect(Array(coded.codes()[0..<8]) == [100, -100, 127, -127, 50, 127, 0, 127])
    #expect(coded.activations.clipped[0] == 4)
    let shifted = Coded(NK_ACTIVATION_INT8, [0, 3, -1], tokens: 1, fill: version.fill) {
      $0.is_asymmetric = 1
      nk_activations_give(&$0, 0, 2.55)
    }
    #expect(shifted.activations.zeros[0] == -128)
    #expect(Array(shifted.codes()[0..<3]) == [-128, 127, -128])
    #expect(shifted.activations.clipped[0] == 2)
    // Calibration saw only zeros: there is no scale, and no token gets one of its own.
    let nothing = Coded(NK_ACTIVATION_INT8, [5, 1], tokens: 1, fill: version.fill) {
      nk_activations_give(&$0, 0, 0)
    }
    #expect(nothing.activations.scales[0] == 0)
    #expect(nothing.codes().allSatisfy { $0 == 0 })
  }

  @Test("Columns that take no part are 0, and do not widen the scale", arguments: fills)
  func leftOut(version: LinearVersion) {
    let x: [Float] = [100, 1, -12.7, 0.1, 5, 60]
    var columns = [UInt32](repeating: .max, count: 32)
    columns[0] = 0
    columns[5] = 0
    columns.withUnsafeBufferPointer { columns in
      let paper = Coded(NK_ACTIVATION_INT8, x, tokens: 1, fill: version.fill) {
        $0.columns = columns.baseAddress
      }
      #expect(abs(paper.activations.scales[0] - 0.1) < 1e-7)
      #expect(Array(paper.codes()[0..<6]) == [0, 10, -127, 1, 50, 0])
      // By value: 60 lies below the limit and counts, though its column does not take part.
      let limited = Coded(NK_ACTIVATION_INT8, x, tokens: 1, fill: version.fill) {
        $0.columns = columns.baseAddress
        $0.limit = 80
      }
      #expect(abs(limited.activations.scales[0] - 60.0 / 127) < 1e-6)
      #expect(limited.codes()[0] == 0)
      #expect(limited.codes()[5] == 0)
    }
  }

  @Test("8-bit floats: every code decodes to itself, ties go to even", arguments: fills)
  func float8(version: LinearVersion) {
    for (type, kind) in [(NK_FLOAT8_E4M3, NK_WEIGHT_E4M3), (NK_FLOAT8_E5M2, NK_WEIGHT_E5M2)] {
      let codes = (0...255).map { UInt8($0) }.filter { $0 & 0x7f <= kind.topCode }
      let exact = codes.map(kind.float8)
      let coded = Coded(NK_ACTIVATION_BF16, exact, tokens: 1, fill: version.fill) {
        $0.float8 = type
      }
      #expect(coded.activations.scales[0] == 1)
      #expect(coded.numbers() == exact)
      // Between neighbours: the one with the even code.
      let positive = Array(codes.prefix { $0 <= kind.topCode })
      let middles = zip(positive, positive.dropFirst()).map {
        (kind.float8($0) + kind.float8($1)) / 2
      }
      let even = zip(positive, positive.dropFirst()).map { kind.float8($0 & 1 == 0 ? $0 : $1) }
      let tied = Coded(
        NK_ACTIVATION_BF16, middles + [kind.float8(kind.topCode)], tokens: 1, fill: version.fill
      ) { $0.float8 = type }
      #expect(Array(tied.numbers().dropLast()) == even)
    }
  }

  @Test("8-bit floats beyond a given range are clamped and counted", arguments: fills)
  func float8Overflow(version: LinearVersion) {
    let x: [Float] = [448, -500, 1e20, .infinity, -.infinity, .nan, 447]
    let coded = Coded(NK_ACTIVATION_BF16, x, tokens: 1, fill: version.fill) {
      $0.float8 = NK_FLOAT8_E4M3
      nk_activations_give(&$0, -448, 448)
    }
    #expect(coded.numbers() == [448, -448, 448, 448, -448, 0, 448])
    #expect(coded.activations.clipped[0] == 4)
    let dynamic = Coded(NK_ACTIVATION_BF16, [0, 0, 0], tokens: 1, fill: version.fill) {
      $0.float8 = NK_FLOAT8_E4M3
    }
    #expect(dynamic.numbers() == [0, 0, 0])
    #expect(dynamic.activations.scales[0] == 0)
  }

  /// One way to code activations.
  private struct Way {
    var kind = NK_ACTIVATION_INT8
    var isAsymmetric = false
    var float8 = NK_FLOAT8_NONE
    var range: ClosedRange<Float>?
    var leavesColumnsOut = false
    var limit: Float = 0

    static let all = [
      Way(isAsymmetric: true), Way(range: -3...5), Way(isAsymmetric: true, range: -3...5),
      Way(leavesColumnsOut: true), Way(leavesColumnsOut: true, limit: 6),
      Way(kind: NK_ACTIVATION_BF16, float8: NK_FLOAT8_E4M3),
      Way(kind: NK_ACTIVATION_BF16, float8: NK_FLOAT8_E5M2),
      Way(kind: NK_ACTIVATION_BF16, float8: NK_FLOAT8_E4M3, range: -2...2),
    ]

    func apply(to activations: inout nk_activations, columns: UnsafePointer<UInt32>?) {
      activations.is_asymmetric = isAsymmetric ? 1 : 0
      activations.float8 = float8
      if let range { nk_activations_give(&activations, range.lowerBound, range.upperBound) }
      if leavesColumnsOut { activations.columns = columns }
      activations.limit = limit
    }
  }

  @Test("All providers store the same bits in every code", arguments: fills)
  func agreement(version: LinearVersion) {
    var numbers = SeededNumbers(seed: 21)
    for cols in [1, 15, 16, 31, 33, 64, 100, 577] {
      var x = numbers.normals(3 * cols, scale: 4)
      x[0] = .nan
      for k in cols..<2 * cols { x[k] = 0 }
      let columns: [UInt32] = (0..<(cols + 31) / 32 * 32).map { _ in
        numbers.bits() % 5 == 0 ? 0 : .max
      }
      columns.withUnsafeBufferPointer { columns in
        for way in Way.all {
          func coded(_ fill: @escaping LinearVersion.Fill) -> Coded {
            Coded(way.kind, x, tokens: 3, fill: fill) {
              way.apply(to: &$0, columns: columns.baseAddress)
            }
          }
          let mine = coded(version.fill)
          let theirs = coded(Self.fills[0].fill)
          for token in 0..<3 {
            let same = mine.everything(token) == theirs.everything(token)
            #expect(same, "\(way), \(cols) columns, token \(token)")
          }
        }
      }
    }
  }

  @Test("Scale, zero point and bias of the output")
  func finish() {
    let storage = Scratch(nk_activations_bytes(NK_ACTIVATION_INT8, 2, 4))
    var x = nk_activations_layout(NK_ACTIVATION_INT8, 2, 4, storage.base)
    x.scales[0] = 0.5
    x.zeros[0] = 4
    x.scales[1] = 2
    x.zeros[1] = 0
    var out: [Float] = [1, 2, 3, 10, 20, 30]
    nk_linear_finish(&x, [1, 2, 3], [100, 200, 300], 1, 3, &out, 3)
    // out - 0.5 * 4 * sum + bias in the first token, out + bias in the second.
    let expected: [Float] = [1, 198, 297, 10, 220, 330]
    #expect(out == expected)
  }

  @Test("Some columns alone add their share, from weights of every kind")
  func addColumns() {
    var numbers = SeededNumbers(seed: 22)
    let (rows, cols, tokens) = (70, 200, 5)
    let columns: [UInt32] = [0, 3, 31, 32, 64, 100, 127, 199]
    for kind in nk_weight_kind.kinds {
      for zeroPoints in kind.zeroPoints {
        let weights = LinearWeights(
          kind, rows: rows, cols: cols, group: 32, zeroPoints: zeroPoints)
        let x = numbers.normals(tokens * cols)
        let storage = Scratch(nk_activations_bytes(NK_ACTIVATION_F32, tokens, columns.count))
        var gathered = nk_activations_layout(
          NK_ACTIVATION_F32, tokens, columns.count, storage.base)
        nk_activations_gather(&gathered, x, cols, columns, 0, tokens)
        var weight = weights.description
        let scratch = Scratch(nk_linear_columns_scratch_bytes(columns.count, tokens, 4))
        var out = [Float](repeating: 1, count: tokens * rows)
        for begin in stride(from: 0, to: nk_linear_panels(rows), by: 4) {
          nk_linear_add_columns(
            &weight, begin, min(begin + 4, nk_linear_panels(rows)), columns, columns.count,
            &gathered, nk_linear_f32_f32_generic, &out, rows, scratch.base)
        }
        var worst = 0.0
        for token in 0..<tokens {
          for row in 0..<rows {
            let sum = columns.reduce(1.0) {
              $0 + Double(x[token * cols + Int($1)])
                * Double(weights.values[row * cols + Int($1)])
            }
            let size = columns.reduce(1.0) {
              $0 + abs(Double(x[token * cols + Int($1)]))
                * Double(weights.magnitudes[row * cols + Int($1)])
            }
            worst = max(worst, abs(Double(out[token * rows + row]) - sum) / size)
          }
        }
        #expect(worst < 1e-6, "\(kind.name) \(zeroPoints.rawValue)")
      }
    }
    #expect(nk_linear_columns_scratch_bytes(.max, 1, 1) == 0)
    #expect(nk_linear_columns_scratch_bytes(1, .max, 1) == 0)
  }

  @Test("Maxima of columns and ranges of tokens pass over what is no number", arguments: Reach.all)
  private func reach(reach: Reach) {
    let x: [Float] = [1, -5, .nan, 2, 3, -1]
    var maxima = [Float](repeating: -1, count: 3)
    reach.maxima(x, 3, 2, 0, 3, &maxima)
    #expect(maxima == [2, 5, 1])
    var lowest: [Float] = [9, 9]
    var highest: [Float] = [9, 9]
    reach.ranges(x, 3, 3, 0, 2, &lowest, &highest)
    #expect(lowest == [-5, -1])
    #expect(highest == [1, 3])
    var numbers = SeededNumbers(seed: 23)
    for cols in [1, 15, 64, 65, 200] {
      let x = numbers.normals(7 * cols)
      var mine = [Float](repeating: 0, count: cols)
      reach.maxima(x, cols, 7, 0, cols / 2, &mine)
      reach.maxima(x, cols, 7, cols / 2, cols, &mine)
      let truth = (0..<cols).map { k in (0..<7).reduce(Float(0)) { max($0, abs(x[$1 * cols + k])) }
      }
      #expect(mine == truth)
    }
  }

  /// How far values reach, by provider.
  private struct Reach: CustomTestStringConvertible, Sendable {
    typealias Maxima =
      @Sendable @convention(c) (
        UnsafePointer<Float>?, Int, Int, Int, Int, UnsafeMutablePointer<Float>?
      ) -> Void
    typealias Ranges =
      @Sendable @convention(c) (
        UnsafePointer<Float>?, Int, Int, Int, Int, UnsafeMutablePointer<Float>?,
        UnsafeMutablePointer<Float>?
      ) -> Void

    let testDescription: String
    let maxima: Maxima
    let ranges: Ranges

    static let all: [Reach] = {
      var found = [
        Reach(
          testDescription: "generic", maxima: nk_column_maxima_generic,
          ranges: nk_token_ranges_generic)
      ]
      #if arch(x86_64)
        if nk_provider_supported(NK_PROVIDER_AVX2) != 0 {
          found.append(
            Reach(
              testDescription: "avx2", maxima: nk_column_maxima_avx2, ranges: nk_token_ranges_avx2))
        }
        if nk_provider_supported(NK_PROVIDER_AVX512) != 0 {
          found.append(
            Reach(
              testDescription: "avx512", maxima: nk_column_maxima_avx512,
              ranges: nk_token_ranges_avx512))
        }
      #endif
      return found
    }()
  }
}
