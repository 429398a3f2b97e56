/// The stage that turns tokens back into text.
indirect enum Decoder: Equatable, Sendable {
  case byteLevel
  case byteFallback
  case fuse
  case strip(content: [UInt8], start: Int, stop: Int)
  case replace([UInt8], with: [UInt8])
  case metaspace(replacement: [UInt8], dropsFirst: Bool)
  case sequence([Decoder])

  /// What becomes of bytes that are not UTF-8.
  enum InvalidBytes: Sendable {
    /// They stay as they are.
    case kept
    /// As in the reference: each byte of a run that is not UTF-8 as a whole becomes U+FFFD.
    case replaced
  }

  /// The tokens rewritten; their concatenation is the text.
  func decode(_ tokens: [[UInt8]], invalidBytes: InvalidBytes) -> [[UInt8]] {
    switch self {
    case .byteLevel:
      return [tokens.flatMap { ByteLevelAlphabet.bytes(spelledBy: $0) ?? $0 }]
    case .byteFallback:
      return Self.joinBytes(tokens, invalidBytes)
    case .fuse:
      return [Array(tokens.joined())]
    case .strip(let content, let start, let stop):
      return tokens.map { Self.strip($0, content, start: start, stop: stop) }
    case .replace(let pattern, let content):
      return tokens.map { ByteReplacement.replace(pattern, with: content, in: $0) }
    case .metaspace(let replacement, let dropsFirst):
      return tokens.enumerated().map { number, token in
        ByteReplacement.replace(
          replacement, with: number == 0 && dropsFirst ? [] : [0x20], in: token)
      }
    case .sequence(let steps):
      return steps.reduce(tokens) { $1.decode($0, invalidBytes: invalidBytes) }
    }
  }

  private static func joinBytes(_ tokens: [[UInt8]], _ invalidBytes: InvalidBytes) -> [[UInt8]] {
    var result: [[UInt8]] = []
    var run: [UInt8] = []
    func flush() {
      guard !run.isEmpty else { return }
      if invalidBytes == .kept || UTF8Validation.firstInvalidOffset(in: run) == nil {
        result.append(run)
      } else {
        result.append(
          contentsOf: repeatElement(Array("\u{FFFD}".utf8), count: run.count))
      }
      run = []
    }
    for token in tokens {
      if let byte = ByteToken.byte(spelledBy: token) {
        run.append(byte)
      } else {
        flush()
        result.append(token)
      }
    }
    flush()
    return result
  }

  private static func strip(
    _ token: [UInt8], _ content: [UInt8], start: Int, stop: Int
  ) -> [UInt8] {
    guard !content.isEmpty else { return token }
    var token = token[...]
    for _ in 0..<max(start, 0) {
      guard token.starts(with: content) else { break }
      token = token.dropFirst(content.count)
    }
    for _ in 0..<max(stop, 0) {
      guard token.suffix(content.count).elementsEqual(content) else { break }
      token = token.dropLast(content.count)
    }
    return Array(token)
  }
}
