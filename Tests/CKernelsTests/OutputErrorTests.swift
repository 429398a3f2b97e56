import CKernels
import Testing

/// Relative error of float32 products summed over some hundred channels.
private let sumTolerance = 2e-5

private struct Version: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let rows:
    @Sendable @convention(c) (
      UnsafePointer<nk_error_weights>?, UnsafePointer<Float>?, Int, UnsafeMutablePointer<Double>?
    ) -> Void

  static let all: [Version] = {
    var found = [Version(testDescription: "generic", rows: nk_error_rows_generic)]
    #if arch(x86_64)
      if nk_provider_supported(NK_PROVIDER_AVX2) != 0 {
        found.append(Version(testDescription: "avx2", rows: nk_error_rows_avx2))
      }
      if nk_provider_supported(NK_PROVIDER_AVX512) != 0 {
        found.append(Version(testDescription: "avx512", rows: nk_error_rows_avx512))
      }
    #endif
    return found
  }()
}

struct OutputErrorTests {
  static let shapes = [
    (1, 1, 1), (3, 5, 2), (7, 16, 31), (12, 31, 32), (13, 33, 33), (25, 47, 64), (2, 48, 5),
    (30, 64, 100), (5, 65, 97), (11, 200, 40),
  ]

  @Test(arguments: Version.all)
  fileprivate func sumsAreThoseOfTheTokens(version: Version) {
    for (rows, columns, tokens) in Self.shapes {
      var numbers = SeededNumbers(seed: UInt64(rows * 1000 + columns))
      let inputs = numbers.normals(tokens * columns)
      let errors = numbers.normals(rows * columns)
      var moments = [Float](repeating: .nan, count: columns * columns)
      for row in 0..<columns {
        // Below the diagonal nothing is read.
        for column in row..<columns {
          moments[row * columns + column] = Float(
            (0..<tokens).reduce(0) {
              $0 + Double(inputs[$1 * columns + row]) * Double(inputs[$1 * columns + column])
            })
        }
      }
      let expected = (0..<rows).map { row in
        (0..<tokens).reduce(0.0) { sum, token in
          let output = (0..<columns).reduce(0.0) {
            $0 + Double(inputs[token * columns + $1]) * Double(errors[row * columns + $1])
          }
          return sum + output * output
        }
      }
      // Of moments the sum may be far smaller than its terms.
      let size = (0..<rows).map { row in
        (0..<tokens).reduce(0.0) { sum, token in
          let output = (0..<columns).reduce(0.0) {
            $0 + abs(Double(inputs[token * columns + $1]) * Double(errors[row * columns + $1]))
          }
          return sum + output * output
        }
      }
      for kind in [NK_ERROR_MOMENTS, NK_ERROR_TOKENS] {
        let found = sums(version, Int32(kind), moments, inputs, tokens, columns, errors, rows)
        for row in 0..<rows {
          #expect(abs(found[row] - expected[row]) <= sumTolerance * size[row])
        }
      }
    }
  }

  @Test(arguments: Version.all)
  fileprivate func aRowDoesNotDependOnItsNeighbours(version: Version) {
    let (rows, columns, tokens) = (29, 70, 50)
    var numbers = SeededNumbers(seed: 9)
    let inputs = numbers.normals(tokens * columns)
    let errors = numbers.normals(rows * columns)
    let moments = numbers.normals(columns * columns)
    for kind in [NK_ERROR_MOMENTS, NK_ERROR_TOKENS] {
      let all = sums(version, Int32(kind), moments, inputs, tokens, columns, errors, rows)
      for row in 0..<rows {
        let own = Array(errors[row * columns..<(row + 1) * columns])
        let alone = sums(version, Int32(kind), moments, inputs, tokens, columns, own, 1)
        #expect(alone == [all[row]])
      }
    }
  }

  private func sums(
    _ version: Version, _ kind: Int32, _ moments: [Float], _ inputs: [Float], _ tokens: Int,
    _ columns: Int, _ errors: [Float], _ rows: Int
  ) -> [Double] {
    let count = nk_error_packed_floats(kind, columns, tokens)
    let packed = UnsafeMutableRawPointer.allocate(
      byteCount: count * 4, alignment: Int(NK_ERROR_ALIGNMENT)
    ).bindMemory(to: Float.self, capacity: count)
    defer { packed.deallocate() }
    if kind == Int32(NK_ERROR_MOMENTS) {
      nk_error_pack_moments(moments, columns, packed)
    } else {
      nk_error_pack_tokens(inputs, tokens, columns, packed)
    }
    var weights = nk_error_weights(kind: kind, columns: columns, tokens: tokens, packed: packed)
    var result = [Double](repeating: .nan, count: rows)
    version.rows(&weights, errors, rows, &result)
    return result
  }
}
