/// The stage that rewrites a text before it is cut into words.
indirect enum Normalizer: Equatable, Sendable {
  case form(NormalizationForm)
  case lowercasing
  case prepending([UInt8])
  case replacing([UInt8], with: [UInt8])
  case strippingSpace(left: Bool, right: Bool)
  case sequence([Normalizer])

  /// `text`, which is valid UTF-8, rewritten.
  func normalize(_ text: [UInt8]) -> [UInt8] {
    switch self {
    case .form(let form):
      return form.normalize(text)
    case .lowercasing:
      return Self.lowercase(text)
    case .prepending(let prefix):
      return text.isEmpty ? text : prefix + text
    case .replacing(let pattern, let content):
      return ByteReplacement.replace(pattern, with: content, in: text)
    case .strippingSpace(let left, let right):
      return Self.strip(text, left: left, right: right)
    case .sequence(let steps):
      return steps.reduce(text) { $1.normalize($0) }
    }
  }

  /// Scalar by scalar: the final sigma of a word is not treated apart.
  private static func lowercase(_ text: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
      result.append(contentsOf: scalar.properties.lowercaseMapping.utf8)
    }
    return result
  }

  private static func strip(_ text: [UInt8], left: Bool, right: Bool) -> [UInt8] {
    var scalars = Substring(decoding: text, as: UTF8.self).unicodeScalars
    if left { scalars = scalars.drop { $0.properties.isWhitespace } }
    if right {
      while let last = scalars.last, last.properties.isWhitespace { scalars.removeLast() }
    }
    return Array(Substring(scalars).utf8)
  }
}

/// Replacing one byte string by another, left to right.
enum ByteReplacement {
  /// `text` with each occurrence of `pattern`, which is not empty, replaced; linear for short patterns.
  static func replace(_ pattern: [UInt8], with content: [UInt8], in text: [UInt8]) -> [UInt8] {
    guard let first = pattern.first, text.contains(first) else { return text }
    var result: [UInt8] = []
    result.reserveCapacity(text.count + text.count / 4)
    pattern.withUnsafeBufferPointer { pattern in
      text.withUnsafeBufferPointer { text in
        var position = 0
        while position < text.count {
          if text[position] == first, starts(with: pattern, text, at: position) {
            result.append(contentsOf: content)
            position += pattern.count
          } else {
            result.append(text[position])
            position += 1
          }
        }
      }
    }
    return result
  }

  /// Whether `pattern` stands in `text` at `position`.
  @inline(__always)
  static func starts(
    with pattern: UnsafeBufferPointer<UInt8>, _ text: UnsafeBufferPointer<UInt8>,
    at position: Int
  ) -> Bool {
    guard pattern.count <= text.count - position else { return false }
    for offset in pattern.indices where text[position + offset] != pattern[offset] { return false }
    return true
  }
}
