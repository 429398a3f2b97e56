import Models
package import Operators
import Platform

#if canImport(Glibc)
  import Glibc
#endif

/// The log-probabilities of a model on a text, as `llama-perplexity --kl-divergence-base FILE` writes them.
///
/// Little endian: `_logits_`, then int32 tokens of a window, size of the vocabulary, number of windows; the token ids,
/// `[windows][window]`; then for each window the positions `window / 2 ..< window - 1`, each a float32 step, a float32 least
/// log-probability, and a uint16 for each token of the vocabulary, padded to an even number: log p = least + step times it.
/// Whatever lies more than 16 nats below the most likely token reads as that. Described in llama.cpp's
/// `tools/perplexity/perplexity.cpp`.
package final class BaseLogitsFile: Sendable {
  static let magic = "_logits_"
  static let headerBytes = 20

  package let path: String
  /// The last part of the path.
  package let name: String
  /// Tokens of a window.
  package let window: Int
  package let vocabulary: Int
  /// Token ids, `[windows][window]`, as the text has them: nothing stands over the first.
  package let windows: [[Int32]]
  private let file: MappedFile

  /// Opens a file and checks that it is whole.
  ///
  /// - Throws: `EvaluationError.badLogits` naming what was expected, what was found and where; `PlatformError`.
  package init(path: String) throws {
    let file = try MappedFile(path: path)
    func refuse(_ place: String, _ expected: String, _ found: String) -> EvaluationError {
      .badLogits(path: path, place: place, expected: expected, found: found)
    }
    guard file.byteCount >= Self.headerBytes else {
      throw refuse("header", "\(Self.headerBytes) bytes", "a file of \(file.byteCount)")
    }
    let head = try file.read(at: 0, count: Self.headerBytes)
    let magic = String(decoding: head.prefix(8), as: UTF8.self)
    guard magic == Self.magic else {
      throw refuse(
        "byte 0", "'\(Self.magic)'",
        head.prefix(8).contains { $0 < 32 } ? "other bytes" : "'\(magic)'")
    }
    let numbers = Self.integers(Array(head[8...]))
    for (index, (name, range)) in [
      ("tokens of a window", 4...1 << 24), ("the vocabulary", 1...1 << 24),
      ("windows", 1...1 << 24),
    ].enumerated() where !range.contains(Int(numbers[index])) {
      throw refuse(
        "header, \(name)", "\(range.lowerBound) to \(range.upperBound)", "\(numbers[index])")
    }
    let (window, vocabulary, count) = (Int(numbers[0]), Int(numbers[1]), Int(numbers[2]))
    // None of these products overflows: each factor is 2^24 at most, and there are two of them.
    let tokenBytes = count * window * 4
    let windowBytes = Self.rows(window) * Self.rowBytes(vocabulary)
    let (body, overflows) = windowBytes.multipliedReportingOverflow(by: count)
    guard !overflows, file.byteCount == Self.headerBytes + tokenBytes + body else {
      let held = max(0, file.byteCount - Self.headerBytes - tokenBytes) / max(1, windowBytes)
      throw refuse(
        "its end",
        overflows
          ? "a size that fits"
          : "\(Self.headerBytes + tokenBytes + body) bytes for \(count) windows",
        "\(file.byteCount), which hold \(min(held, count)) whole ones")
    }
    let ids = Self.integers(try file.read(at: Self.headerBytes, count: tokenBytes))
    if let place = ids.firstIndex(where: { $0 < 0 || Int($0) >= vocabulary }) {
      throw refuse(
        "token \(place) (window \(place / window))", "an id below \(vocabulary), its vocabulary",
        "\(ids[place])")
    }
    self.file = file
    self.path = path
    name = path.split(separator: "/").last.map(String.init) ?? path
    self.window = window
    self.vocabulary = vocabulary
    windows = (0..<count).map { Array(ids[$0 * window..<($0 + 1) * window]) }
  }

  /// Scored positions of a window.
  static func rows(_ window: Int) -> Int { window - 1 - window / 2 }

  /// Bytes of a position.
  static func rowBytes(_ vocabulary: Int) -> Int { 8 + (vocabulary + 1) / 2 * 4 }

  private static func integers(_ bytes: [UInt8]) -> [Int32] {
    bytes.withUnsafeBytes { bytes in
      (0..<bytes.count / 4).map {
        Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Int32.self))
      }
    }
  }

  /// The log-probabilities of one window.
  package struct Window {
    fileprivate let path: String
    fileprivate let index: Int
    fileprivate let vocabulary: Int
    fileprivate let bytes: [UInt8]
  }

  /// Reads the log-probabilities of one window.
  ///
  /// - Throws: `PlatformError` where the file has changed since it was opened.
  package func read(window index: Int) throws -> Window {
    let bytes = Self.rows(window) * Self.rowBytes(vocabulary)
    let start = Self.headerBytes + windows.count * window * 4
    return Window(
      path: path, index: index, vocabulary: vocabulary,
      bytes: try file.read(at: start + index * bytes, count: bytes))
  }
}

extension BaseLogitsFile.Window {
  /// Compares what was recorded at one scored position with a model's logits; `target` is the token that follows.
  ///
  /// As llama-perplexity does: probabilities are taken as they were recorded, which sum to one but for what lies more than
  /// 16 nats below the largest, and tokens with a log-probability of -16 or less are skipped.
  /// - Throws: `EvaluationError.badLogits` where a number of the file is none or no log-probability.
  package func divergence(
    row: Int, other: UnsafeBufferPointer<Float>, target: Int, _ context: ExecutionContext
  ) throws -> PositionDivergence {
    let size = BaseLogitsFile.rowBytes(vocabulary)
    let start = row * size
    return try bytes.withUnsafeBytes { bytes in
      func float(_ offset: Int) -> Float {
        Float(
          bitPattern: UInt32(
            littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
      }
      let (step, least) = (float(start), float(start + 4))
      guard step.isFinite, step >= 0, least.isFinite, least + step * 65535 < 1e-3 else {
        throw EvaluationError.badLogits(
          path: path, place: "window \(index), scored position \(row)",
          expected: "a step and a least log-probability, finite and of a probability up to 1",
          found: "\(step) and \(least)")
      }
      func logProbability(_ token: Int) -> Float {
        let code = UInt16(
          littleEndian: bytes.loadUnaligned(fromByteOffset: start + 8 + 2 * token, as: UInt16.self))
        return step * Float(code) + least
      }
      let otherSum = other.baseAddress.map { context.logSumExp($0, count: other.count) } ?? .nan
      var sum = 0.0
      var best: (token: Int, value: Float) = (0, -.infinity)
      for token in 0..<vocabulary {
        let value = logProbability(token)
        if value > best.value { best = (token, value) }
        guard value > -16 else { continue }
        sum += exp(Double(value)) * (Double(value) - Double(other[token]) + otherSum)
      }
      return PositionDivergence(
        kl: sum, baselineNLL: -Double(logProbability(target)),
        otherNLL: otherSum - Double(other[target]),
        sameTop: best.token == Int(Sampler.likeliest(other)), baselineRight: best.token == target,
        otherRight: Int(Sampler.likeliest(other)) == target)
    }
  }
}
