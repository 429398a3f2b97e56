import Glibc

/// The memory of this process by what is mapped where, as Linux's own table tells (`/proc/self/smaps`).
package struct ProcessMemory: Hashable, Sendable {
  /// One range of addresses.
  package struct Mapping: Hashable, Sendable {
    /// The file it maps; empty for memory of no file, in brackets for the system's own (`[heap]`).
    package var path: String
    package var isExecutable: Bool
    /// Bytes that are in memory.
    package var residentBytes: Int
    /// Bytes of them in huge pages.
    package var hugePageBytes: Int
  }

  package private(set) var mappings: [Mapping]

  /// Reads the table; nil where the system has none.
  package static func read() -> ProcessMemory? {
    guard let text = content(of: "/proc/self/smaps"), !text.isEmpty else { return nil }
    return ProcessMemory(text)
  }

  /// Takes the text of such a table.
  package init(_ text: String) {
    mappings = []
    for line in text.utf8.split(separator: 10) {
      // A line of addresses begins a mapping: `7f00-7f10 r--p 00000000 fd:00 12  /path`; `Name: 12 kB` tells of it.
      guard let space = line.firstIndex(of: 32) else { continue }
      if line[..<space].contains(45) {
        mappings.append(Self.mapping(line))
      } else if !mappings.isEmpty {
        let name = line[..<space]
        if name.elementsEqual("Rss:".utf8) {
          mappings[mappings.count - 1].residentBytes = Self.bytes(line[space...])
        } else if name.elementsEqual("AnonHugePages:".utf8) {
          mappings[mappings.count - 1].hugePageBytes = Self.bytes(line[space...])
        }
      }
    }
  }

  package var residentBytes: Int { mappings.reduce(0) { $0 + $1.residentBytes } }
  package var hugePageBytes: Int { mappings.reduce(0) { $0 + $1.hugePageBytes } }

  /// Bytes in memory of files that hold code: the program and its libraries, their data included.
  package var codeBytes: Int { fileBytes { $0 } }

  /// Bytes in memory of all other files.
  package var dataFileBytes: Int { fileBytes { !$0 } }

  private func fileBytes(_ counts: (_ isCode: Bool) -> Bool) -> Int {
    let code = Set(mappings.filter(\.isExecutable).map(\.path))
    return mappings.reduce(0) { sum, mapping in
      mapping.path.hasPrefix("/") && counts(code.contains(mapping.path))
        ? sum + mapping.residentBytes : sum
    }
  }

  private static func mapping(_ line: Substring.UTF8View.SubSequence) -> Mapping {
    // Five fields come before the path.
    let parts = line.split(separator: 32, maxSplits: 5, omittingEmptySubsequences: true)
    return Mapping(
      path: parts.count == 6 ? String(decoding: parts[5].drop { $0 == 32 }, as: UTF8.self) : "",
      isExecutable: parts.count > 1 && parts[1].contains(120), residentBytes: 0, hugePageBytes: 0)
  }

  private static func bytes(_ field: Substring.UTF8View.SubSequence) -> Int {
    var value = 0
    for digit in field where (48...57).contains(digit) {
      value = value &* 10 &+ Int(digit - 48)
    }
    return value &* 1024
  }

  /// The whole of a file that has no size.
  private static func content(of path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var content: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let got = Glibc.read(descriptor, &buffer, buffer.count)
      if got > 0 { content += buffer[..<got] } else if got == 0 || errno != EINTR { break }
    }
    return String(decoding: content, as: UTF8.self)
  }
}
