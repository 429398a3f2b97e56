/// What a TOML text may come to before it is parsed.
///
/// The parser goes down into tables by calls of its own, and whoever frees them does too: names joined by a hundred thousand
/// dots end the program and not the reading. So nesting is counted first, over brackets and dots alike, in one walk that
/// knows strings and comments and nothing more.
package enum TOMLBounds {
  /// Bytes of a text.
  package static let bytes = 1 << 20
  /// Levels of tables and lists in each other; files of this program have four.
  package static let depth = 32

  /// What goes beyond the bounds.
  package struct Excess: Error, Hashable, Sendable {
    /// From 1; nil where it is about the whole text.
    package var line: Int?
    package var expected: String
    package var found: String
  }

  /// - Throws: `Excess` for a text that is too long, too deep, holds control characters, at which C strings end, a
  ///   bracket that another closes, or dates and times: no file that is read here has any, and at some that are wrong the parser
  ///   ends the program.
  package static func check(
    _ text: String, bytes limit: Int = bytes, depth: Int = depth
  ) throws(Excess) {
    guard text.utf8.count <= limit else {
      throw Excess(
        line: nil, expected: "at most \(limit) bytes of TOML", found: "\(text.utf8.count)")
    }
    var walk = Walk(limit: depth)
    try walk.run(Array(text.utf8))
  }

  private struct Walk {
    let limit: Int
    var line = 1
    var index = 0
    /// Levels of the table that the keys of a line are put into.
    var header = 0
    /// What each open bracket adds, and all of them together.
    var open: [Int] = []
    var levels = 0
    /// What closes each open bracket.
    var closers: [UInt8] = []
    /// Dots of the key that is read, and of the key whose value is.
    var dots = 0
    var keyDots = 0
    var isLineStart = true
    var isHeader = false
    /// Digits of a word that has nothing else so far; -1 for any other.
    var digits = 0
    var isAfterDigit = false

    init(limit: Int) { self.limit = limit }

    mutating func run(_ text: [UInt8]) throws(Excess) {
      while index < text.count {
        let byte = text[index]
        index += 1
        try date(byte)
        switch byte {
        case UInt8(ascii: "\n"): endLine()
        case UInt8(ascii: " "), UInt8(ascii: "\t"): break
        case UInt8(ascii: "\r") where index < text.count && text[index] == 0x0A: break
        case UInt8(ascii: "#"): while index < text.count, text[index] != 0x0A { try skip(text) }
        case UInt8(ascii: "\""), UInt8(ascii: "'"):
          isLineStart = false
          try string(text, quote: byte)
        case 0..<0x20, 0x7F: throw control(byte)
        default:
          try symbol(byte)
          isLineStart = false
        }
      }
    }

    /// Four digits before a hyphen begin a date, some before a colon a time.
    private mutating func date(_ byte: UInt8) throws(Excess) {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digits += digits < 0 ? 0 : 1
      case UInt8(ascii: "-") where digits >= 4, UInt8(ascii: ":") where isAfterDigit:
        throw Excess(line: line, expected: "no dates and times", found: "one")
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "_"), UInt8(ascii: "."):
        digits = -1
      // At the beginning of a word it is a sign.
      case UInt8(ascii: "-"): digits = digits == 0 ? 0 : -1
      default: digits = 0
      }
      isAfterDigit = UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
    }

    private mutating func symbol(_ byte: UInt8) throws(Excess) {
      switch byte {
      case UInt8(ascii: "["), UInt8(ascii: "{"):
        if open.isEmpty, isLineStart {
          isHeader = true
          header = 0
        }
        // ASCII has one character between a bracket and the one that closes it.
        closers.append(byte + 2)
        open.append(1 + dots + keyDots)
        levels += 1 + dots + keyDots
        dots = 0
        keyDots = 0
        try check()
      case UInt8(ascii: "]"), UInt8(ascii: "}"):
        if let expected = closers.popLast(), expected != byte { throw closer(byte, expected) }
        if isHeader { header = max(header, levels + dots) }
        if let closed = open.popLast() { levels -= closed }
        dots = 0
        keyDots = 0
      case UInt8(ascii: "."):
        dots += 1
        try check()
      case UInt8(ascii: "="):
        keyDots = dots
        dots = 0
      case UInt8(ascii: ","):
        dots = 0
        keyDots = 0
      default: break
      }
    }

    /// At the end of a table where a list should end the parser ends the program.
    private func closer(_ found: UInt8, _ expected: UInt8) -> Excess {
      func words(_ byte: UInt8) -> String { "'\(Character(Unicode.Scalar(byte)))'" }
      return Excess(line: line, expected: words(expected), found: words(found))
    }

    private func check() throws(Excess) {
      guard header + levels + dots + keyDots > limit else { return }
      throw Excess(
        line: line, expected: "at most \(limit) levels of tables and lists in each other",
        found: "more")
    }

    private mutating func endLine() {
      line += 1
      isLineStart = true
      // Within brackets a value goes on; a header never does.
      if isHeader || open.isEmpty {
        open = []
        closers = []
        levels = 0
        dots = 0
        keyDots = 0
      }
      isHeader = false
    }

    /// Goes over a string; one that is not closed ends with its line, or with the text.
    private mutating func string(_ text: [UInt8], quote: UInt8) throws(Excess) {
      func quotes(at place: Int) -> Int {
        text[place...].prefix { $0 == quote }.count
      }
      let escapes = quote == UInt8(ascii: "\"")
      if index + 1 < text.count, text[index] == quote, text[index + 1] == quote {
        index += 2
        while index < text.count {
          if text[index] == quote, quotes(at: index) >= 3 {
            // One or two more belong to the text.
            index += min(5, quotes(at: index))
            return
          }
          if escapes, text[index] == UInt8(ascii: "\\"), index + 1 < text.count { try skip(text) }
          try skip(text)
        }
        return
      }
      while index < text.count, text[index] != 0x0A {
        if text[index] == quote {
          index += 1
          return
        }
        if escapes, text[index] == UInt8(ascii: "\\"), index + 1 < text.count,
          text[index + 1] != 0x0A
        {
          try skip(text)
        }
        try skip(text)
      }
    }

    /// Goes over one byte of a string or a comment.
    private mutating func skip(_ text: [UInt8]) throws(Excess) {
      let byte = text[index]
      if byte == 0x0A {
        line += 1
      } else if byte < 0x20, byte != 0x09, !endsLine(text) {
        throw control(byte)
      }
      index += 1
    }

    /// Whether the next byte is the return of a return and line feed; alone it is a control character like others, and at one in
    /// the brackets of a table the parser ends the program.
    private func endsLine(_ text: [UInt8]) -> Bool {
      text[index] == 0x0D && index + 1 < text.count && text[index + 1] == 0x0A
    }

    private func control(_ byte: UInt8) -> Excess {
      let digits = String(byte, radix: 16, uppercase: true)
      return Excess(
        line: line, expected: "no control characters",
        found: "U+" + String(repeating: "0", count: 4 - digits.count) + digits)
    }
  }
}
