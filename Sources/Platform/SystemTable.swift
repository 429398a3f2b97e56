import Glibc

/// A table of `name: value` lines under `/proc`; empty when it cannot be read.
struct SystemTable {
  let lines: [Substring]

  init(path: String) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      lines = []
      return
    }
    defer { close(descriptor) }
    // These files have no size; a processor table of many cores need not be read to its end.
    let content = [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, filled in
      while filled < buffer.count, let base = buffer.baseAddress {
        let got = read(descriptor, base + filled, buffer.count - filled)
        if got > 0 { filled += got } else if got == 0 || errno != EINTR { break }
      }
    }
    lines = String(decoding: content, as: UTF8.self).split(separator: "\n")
  }

  /// The value of the first line called `name`.
  func text(_ name: String) -> String? {
    for line in lines {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2, Self.trimmed(parts[0]) == name else { continue }
      return String(Self.trimmed(parts[1]))
    }
    return nil
  }

  /// The value of a line in `kB`.
  func bytes(_ name: String) -> Int? {
    guard let words = text(name)?.split(separator: " "), words.count == 2, words[1] == "kB" else {
      return nil
    }
    return Int(words[0]).map { $0 * 1024 }
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text
    while let first = text.first, first.isWhitespace { text.removeFirst() }
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return text
  }
}
