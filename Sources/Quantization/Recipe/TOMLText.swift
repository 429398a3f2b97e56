import Platform
package import TOMLKit

/// Reading of TOML, the one place where a text is given to the parser.
package enum TOMLText {
  /// What is wrong with a text.
  package struct Problem: Error, Hashable, Sendable {
    /// From 1; nil where it is about the whole text.
    package var line: Int?
    package var expected: String
    package var found: String
  }

  /// The table of a text whose size and depth are within `TOMLBounds`.
  package static func table(_ given: String) throws(Problem) -> TOMLTable {
    // A byte order mark says nothing, and hides the bracket after it from what is looked at here.
    let scalars = given.unicodeScalars
    let text = scalars.first == "\u{FEFF}" ? String(scalars.dropFirst()) : given
    do throws(TOMLBounds.Excess) { try TOMLBounds.check(text) } catch {
      throw Problem(line: error.line, expected: error.expected, found: error.found)
    }
    if let problem = namelessHeader(in: text) { throw problem }
    do {
      return try TOMLTable(string: text)
    } catch let error as TOMLParseError {
      throw Problem(line: error.source.begin.line, expected: "TOML", found: error.description)
    } catch {
      throw Problem(line: nil, expected: "TOML", found: "\(error)")
    }
  }

  /// A line that begins as the header of a table and has no name in it, at which the parser ends the program.
  ///
  /// Lines of lists in lists look alike and are refused too; no file that is read here has them.
  private static func namelessHeader(in text: String) -> Problem? {
    let blank: Set<UInt8> = [0x20, 0x09, 0x0D]
    for (number, line) in text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false)
      .enumerated()
    {
      var rest = line.drop { blank.contains($0) }
      guard rest.first == UInt8(ascii: "[") else { continue }
      rest = rest.dropFirst()
      if rest.first == UInt8(ascii: "[") { rest = rest.dropFirst() }
      let name = rest.drop { blank.contains($0) }
      if let first = name.first, beginsName(first) { continue }
      return Problem(
        line: number + 1, expected: "TOML with a name in the brackets of a table",
        found: "\"\(Substring(line.prefix(40)))\"")
    }
    return nil
  }

  /// Letters, digits, `_` and `-`, quotes, and the bracket that ends a header without a name, which the parser refuses itself.
  private static func beginsName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"),
      UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "]"):
      true
    default: false
    }
  }
}
