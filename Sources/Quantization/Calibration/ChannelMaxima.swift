/// The largest magnitude of each channel, gathered row by row.
enum ChannelMaxima {
  /// Raises `maxima`, `[columns]`, to the magnitudes of `values`, `[rows, columns]`; not-a-number counts as nothing.
  static func raise(_ maxima: inout [Float], by values: UnsafePointer<Float>, rows: Int) {
    let columns = maxima.count
    maxima.withUnsafeMutableBufferPointer { maxima in
      for row in 0..<rows {
        let line = values + row * columns
        for column in 0..<columns {
          let magnitude = line[column].magnitude
          maxima[column] = magnitude > maxima[column] ? magnitude : maxima[column]
        }
      }
    }
  }
}
