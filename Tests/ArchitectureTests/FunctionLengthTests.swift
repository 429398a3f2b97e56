import Testing

/// A function does one thing: past 60 lines, declaration and closing brace counted, it does several.
@Suite struct FunctionLengthTests {
  static let most = 60

  /// Functions that are tables: long because there are many rows, not because much happens.
  static let tables: Set<String> = []

  @Test func noFunctionIsTooLong() throws {
    var count = 0
    for file in try SourceTree.files("Sources", suffix: ".swift") {
      for function in Self.functions(try SourceTree.lines(file)) {
        count += 1
        #expect(
          function.length <= Self.most || Self.tables.contains("\(file) \(function.name)"),
          "\(file):\(function.line): \(function.name) has \(function.length) lines")
      }
    }
    #expect(count > 1000)
  }

  @Test func aTableThatIsShortIsNotListed() throws {
    for table in Self.tables {
      let parts = table.split(separator: " ", maxSplits: 1).map(String.init)
      let found = Self.functions(try SourceTree.lines(parts[0]))
        .contains { $0.name == parts[1] && $0.length > Self.most }
      #expect(found, "\(table) is not there, or no longer too long")
    }
  }

  @Test func lengthsAreCounted() {
    let source = """
      struct A {
        init(
          a: Int
        ) {
          b()
        }
        func one() { 1 }
        protocol P { func none() }
        func open()
        private static func two<T>(
          _ x: T
        ) -> Int
        where T: P
        {
          return { 2 }()
        }
      }
      """
    let found = Self.functions(source.split(separator: "\n").map(String.init))
    #expect(found.map(\.name) == ["init", "one", "two"])
    #expect(found.map(\.length) == [5, 1, 7])
  }

  struct Function {
    var name: String
    /// Counted from 1.
    var line: Int
    var length: Int
  }

  /// The functions and initializers of a file that the formatter has laid out: a body ends with a brace as far in as its
  /// declaration.
  static func functions(_ lines: [String]) -> [Function] {
    var found: [Function] = []
    for (start, line) in lines.enumerated() {
      guard let name = declared(line) else { continue }
      let indent = line.prefix { $0 == " " }
      var opening: Int?
      for index in start..<min(lines.count, start + 40) {
        let text = lines[index]
        // A new declaration, or the end of the type, before any body: a requirement of a protocol.
        if index > start, text.isEmpty || declared(text) != nil || text == indent.dropLast(2) + "}"
        {
          break
        }
        if text.hasSuffix("{") || (index == start && text.hasSuffix("}")) {
          opening = index
          break
        }
      }
      guard let opening else { continue }
      let isOneLine = opening == start && line.hasSuffix("}")
      let end =
        isOneLine ? start : lines[opening...].firstIndex { $0 == indent + "}" } ?? opening
      found.append(Function(name: name, line: start + 1, length: end - start + 1))
    }
    return found
  }

  /// The name of the function or initializer that a line begins to declare.
  private static func declared(_ line: String) -> String? {
    let modifiers: Set<Substring> = [
      "package", "public", "private", "fileprivate", "internal", "static", "final", "override",
      "mutating", "consuming", "borrowing", "nonisolated", "required", "convenience", "class",
      "@MainActor", "@discardableResult", "@inline(__always)", "@inlinable",
    ]
    let words = line.split(separator: " ").drop { modifiers.contains($0) }
    guard let first = words.first else { return nil }
    if first == "func", words.count > 1 {
      return String(words[words.startIndex + 1].prefix { $0 != "(" && $0 != "<" })
    }
    let isInitializer = ["init(", "init?(", "init<"].contains { first.hasPrefix($0) }
    return isInitializer ? "init" : nil
  }
}
