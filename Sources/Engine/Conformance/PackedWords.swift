/// Unsigned codes packed into words of 32 bits as a dense stream, least significant bit first.
enum PackedWords {
  /// The words of one stream, as signed numbers.
  static func stream(_ codes: [Int], bits: Int) -> [Int] {
    var words = [UInt64](repeating: 0, count: (codes.count * bits + 31) / 32 + 1)
    for (place, code) in codes.enumerated() {
      let wide = UInt64(code) << UInt64(place * bits % 32)
      words[place * bits / 32] |= wide & 0xffff_ffff
      words[place * bits / 32 + 1] |= wide >> 32
    }
    return words.dropLast().map { Int(Int32(truncatingIfNeeded: $0)) }
  }

  /// Streams of each line, `[lines, words]`.
  static func along(_ codes: [[Int]], bits: Int) -> [Int] {
    codes.flatMap { stream($0, bits: bits) }
  }

  /// Streams down each column, `[words, columns]`.
  static func down(_ columns: [[Int]], bits: Int) -> [Int] {
    let streams = columns.map { stream($0, bits: bits) }
    return (0..<(streams.first?.count ?? 0)).flatMap { word in streams.map { $0[word] } }
  }

  /// `values`, `[rows, columns]`, by rows.
  static func rows(_ values: [Double], columns: Int) -> [[Int]] {
    stride(from: 0, to: values.count, by: max(1, columns)).map { start in
      values[start..<start + columns].map { Int($0) }
    }
  }

  /// Rows and columns exchanged.
  static func transposed(_ rows: [[Int]]) -> [[Int]] {
    (rows.first ?? []).indices.map { column in rows.map { $0[column] } }
  }
}
