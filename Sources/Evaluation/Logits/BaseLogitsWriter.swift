package import Models
import Platform

#if canImport(Glibc)
  import Glibc
#endif

/// Writes the log-probabilities of a model as `BaseLogitsFile` reads them, so that llama-perplexity does too.
package final class BaseLogitsWriter {
  private let text: TextWindows
  private let vocabulary: Int
  private let writer: WholeFileWriter
  private var row: [UInt8]
  private var written = 0

  /// Begins a file, which appears when it is committed.
  ///
  /// - Parameter text: what is scored; its second half, since the format holds no other.
  /// - Throws: `EvaluationError.notHalfScored` for windows that are scored from their first token; `PlatformError` where the
  ///   file cannot be written.
  package init(path: String, text: TextWindows, vocabulary: Int) throws {
    guard text.firstScored == text.length / 2 else {
      throw EvaluationError.notHalfScored(path: path)
    }
    self.text = text
    self.vocabulary = vocabulary
    row = [UInt8](repeating: 0, count: BaseLogitsFile.rowBytes(vocabulary))
    let size =
      BaseLogitsFile.headerBytes + text.windows.count
      * (text.length * 4 + BaseLogitsFile.rows(text.length) * row.count)
    writer = try WholeFileWriter(path: path, reserving: size)
    var head = Array(BaseLogitsFile.magic.utf8)
    func append(_ value: Int32) {
      withUnsafeBytes(of: value.littleEndian) { head.append(contentsOf: $0) }
    }
    for value in [text.length, vocabulary, text.windows.count] { append(Int32(value)) }
    for (index, window) in text.windows.enumerated() {
      append(text.heads[index])
      for id in window.dropFirst() { append(id) }
    }
    try writer.append(head)
  }

  /// Adds the scored positions of the next window.
  ///
  /// - Parameter logits: of the window's positions from the first that is scored on.
  package func append(_ logits: Logits) throws {
    for position in text.scored {
      encode(logits[position - text.firstScored])
      try writer.append(row)
    }
    written += 1
  }

  /// Puts the file in its place.
  package func commit() throws {
    precondition(written == text.windows.count, "\(written) of \(text.windows.count) windows")
    try writer.commit()
  }

  /// Sixteen bits for each log-probability between the largest and, at most, 16 nats below it.
  private func encode(_ logits: UnsafeBufferPointer<Float>) {
    var (low, high) = (Float.infinity, -Float.infinity)
    for value in logits {
      low = min(low, value)
      high = max(high, value)
    }
    low = max(low, high - 16)
    var sum = 0.0
    for value in logits { sum += Double(exp(value - high)) }
    let least = low - high - Float(log(sum))
    let step = (high - low) / 65535
    let inverse = step > 0 ? 1 / step : 0
    row.withUnsafeMutableBytes { bytes in
      bytes.storeBytes(of: step.bitPattern.littleEndian, as: UInt32.self)
      bytes.storeBytes(of: least.bitPattern.littleEndian, toByteOffset: 4, as: UInt32.self)
      for (token, value) in logits.enumerated() {
        let code = (inverse * (max(value, low) - low)).rounded(.toNearestOrEven)
        bytes.storeBytes(
          of: UInt16(min(65535, max(0, code))).littleEndian, toByteOffset: 8 + 2 * token,
          as: UInt16.self)
      }
    }
  }
}
