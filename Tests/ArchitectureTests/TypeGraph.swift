/// Which files name types that others declare.
struct TypeGraph {
  private(set) var files: [String] = []
  private var names: [Set<String>] = []
  /// The files that declare a type at top level.
  private var declared: [String: [Int]] = [:]

  /// Reads a file.
  mutating func add(_ file: String, text: String) {
    let code = Self.code(Array(text.utf8))
    let index = files.count
    files.append(file)
    names.append(Self.names(code))
    for name in Self.declarations(code) { declared[name, default: []].append(index) }
  }

  /// The files a file points to.
  private func next(_ index: Int) -> [Int] {
    var found: Set<Int> = []
    for name in names[index] {
      guard let owners = declared[name], Set(owners).count == 1, owners[0] != index else {
        continue
      }
      found.insert(owners[0])
    }
    return found.sorted()
  }

  /// Every file that can be come to from one, itself left out unless a circle leads back.
  func reached(from file: String) -> Set<String> {
    guard let start = files.firstIndex(of: file) else { return [] }
    var seen: Set<Int> = []
    var pending = next(start)
    while let index = pending.popLast() {
      guard seen.insert(index).inserted else { continue }
      pending += next(index)
    }
    return Set(seen.subtracting([start]).map { files[$0] })
  }

  /// The circles of more than one file, the largest first: files that all lead to each other.
  func circles() -> [[String]] {
    let reach = files.map { reached(from: $0) }
    var left = Set(files.indices)
    var circles: [[String]] = []
    for index in files.indices where left.contains(index) {
      let circle = left.filter {
        $0 == index
          || (reach[index].contains(files[$0]) && reach[$0].contains(files[index]))
      }
      left.subtract(circle)
      if circle.count > 1 { circles.append(circle.map { files[$0] }.sorted()) }
    }
    return circles.sorted { ($1.count, $0[0]) < ($0.count, $1[0]) }
  }

  // MARK: Reading

  /// The text without comments and without what stands in quotes.
  private static func code(_ text: [UInt8]) -> [UInt8] {
    var code: [UInt8] = []
    var index = 0
    let quote = UInt8(ascii: "\"")
    func isTriple(_ place: Int) -> Bool {
      place + 2 < text.count && text[place...(place + 2)].allSatisfy { $0 == quote }
    }
    while index < text.count {
      if text[index] == UInt8(ascii: "/"), index + 1 < text.count,
        text[index + 1] == UInt8(ascii: "/")
      {
        while index < text.count, text[index] != UInt8(ascii: "\n") { index += 1 }
      } else if isTriple(index) {
        index += 3
        while index < text.count, !isTriple(index) { index += 1 }
        index += 3
      } else if text[index] == quote {
        index += 1
        while index < text.count, text[index] != quote, text[index] != UInt8(ascii: "\n") {
          index += text[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        index += 1
      } else {
        code.append(text[index])
        index += 1
      }
    }
    return code
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default: byte >= 0x80
    }
  }

  /// Names with a capital letter that do not stand after a point.
  private static func names(_ code: [UInt8]) -> Set<String> {
    var names: Set<String> = []
    var index = 0
    while index < code.count {
      guard isWord(code[index]) else {
        index += 1
        continue
      }
      let start = index
      while index < code.count, isWord(code[index]) { index += 1 }
      let isMember = start > 0 && code[start - 1] == UInt8(ascii: ".")
      guard !isMember, (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(code[start]) else {
        continue
      }
      names.insert(String(decoding: code[start..<index], as: UTF8.self))
    }
    return names
  }

  private static let kinds: Set<String> = [
    "struct", "class", "enum", "protocol", "actor", "typealias",
  ]

  /// Types that begin in the first column.
  private static func declarations(_ code: [UInt8]) -> [String] {
    code.split(separator: UInt8(ascii: "\n")).compactMap { line in
      guard line.first != UInt8(ascii: " ") else { return nil }
      let words = line.split(separator: UInt8(ascii: " ")).map {
        String(decoding: $0, as: UTF8.self)
      }
      guard let place = words.firstIndex(where: { kinds.contains($0) }), place + 1 < words.count,
        words[..<place].allSatisfy({ $0.first?.isLowercase == true || $0.hasPrefix("@") })
      else { return nil }
      return String(
        words[place + 1].utf8.prefix { isWord($0) }.map { Character(UnicodeScalar($0)) })
    }
  }
}
