import CKernels
import Testing

/// Rows times a matrix: the same bits in every version, and the right numbers.
@Suite struct TransformRowsTests {
  private static var versions: [(name: String, run: nk_transform_rows_fn)] {
    var found: [(String, nk_transform_rows_fn)] = [("generic", nk_transform_rows_generic)]
    #if arch(x86_64)
      if nk_provider_supported(NK_PROVIDER_AVX2) != 0 {
        found.append(("avx2", nk_transform_rows_avx2))
      }
      if nk_provider_supported(NK_PROVIDER_AVX512) != 0 {
        found.append(("avx512", nk_transform_rows_avx512))
      }
    #endif
    return found
  }

  @Test(arguments: [1, 3, 4, 9], [1, 31, 32, 64, 80, 130])
  func rowsTimesAMatrix(rows: Int, columns: Int) {
    let count = 50
    let (stride, outStride) = (count + 3, columns + 5)
    var numbers = SeededNumbers(seed: UInt64(rows * 1000 + columns))
    let matrix = numbers.normals(count * columns)
    let x = numbers.normals(rows * stride)
    var first: [Float] = []
    for (name, run) in Self.versions {
      var out = [Float](repeating: 7, count: rows * outStride)
      run(matrix, Int32(count), Int32(columns), x, stride, Int32(rows), &out, outStride)
      if first.isEmpty { first = out }
      #expect(out == first, "\(name)")
      for row in 0..<rows {
        for column in 0..<columns {
          let expected = (0..<count).reduce(0.0) {
            $0 + Double(x[row * stride + $1]) * Double(matrix[$1 * columns + column])
          }
          // 50 products of normal numbers, each rounded to 24 bits.
          #expect(abs(Double(out[row * outStride + column]) - expected) < 1e-4)
        }
        // What lies between the rows is left alone.
        #expect(out[row * outStride + columns] == 7)
      }
    }
  }
}
