import Wording

/// Fits text into columns: wrapping, truncating, padding, all by display width.
package enum TextLayout {
  package enum Alignment: Hashable, Sendable {
    case left, right, center
  }

  /// `text` cut to `width` columns, the cut shown by `ellipsis`.
  package static func truncate(
    _ text: String, to width: Int, ellipsis: Unicode.Scalar = "…"
  ) -> String {
    guard width > 0 else { return "" }
    guard ScalarWidth.of(text) > width else { return text }
    return prefix(of: text, columns: width - 1) + String(ellipsis)
  }

  /// `text` cut at the front, for paths, whose end says more.
  package static func truncateFront(
    _ text: String, to width: Int, ellipsis: Unicode.Scalar = "…"
  ) -> String {
    guard width > 0 else { return "" }
    guard ScalarWidth.of(text) > width else { return text }
    var kept: [Character] = []
    var used = 1
    for character in text.reversed() {
      used += ScalarWidth.of(String(character))
      if used > width { break }
      kept.append(character)
    }
    return String(ellipsis) + String(kept.reversed())
  }

  /// `text` in exactly `width` columns.
  package static func fit(
    _ text: String, to width: Int, _ alignment: Alignment = .left, ellipsis: Unicode.Scalar = "…"
  ) -> String {
    let cut = truncate(text, to: width, ellipsis: ellipsis)
    let spare = max(0, width - ScalarWidth.of(cut))
    let before =
      switch alignment {
      case .left: 0
      case .right: spare
      case .center: spare / 2
      }
    return String(repeating: " ", count: before) + cut
      + String(repeating: " ", count: spare - before)
  }

  /// `text` in lines of at most `width` columns.
  ///
  /// Lines are broken at spaces, between Chinese and Japanese characters,
  /// and inside words that are longer than a line. Korean is broken at its spaces.
  ///
  /// Line ends in the text stay line ends; a number whose thousands are set apart by spaces stays whole.
  package static func wrap(_ text: String, to width: Int) -> [String] {
    wrap(StyledText(text), to: width).map(\.plain)
  }

  /// Wraps text with roles; every span keeps its role.
  package static func wrap(_ text: StyledText, to width: Int) -> [StyledText] {
    guard width > 0 else { return [] }
    var wrapper = LineWrapper(width: width)
    for span in text.spans {
      let inside = spacesInNumbers(span.text)
      for (index, character) in span.text.enumerated() {
        wrapper.append(character, isBound: inside.contains(index), like: span)
      }
    }
    return wrapper.finish()
  }

  /// The places of spaces that set thousands apart: after one to three digits, before three and no more.
  private static func spacesInNumbers(_ text: String) -> Set<Int> {
    guard text.contains(" ") else { return [] }
    let characters = Array(text)
    func isDigit(_ index: Int) -> Bool {
      characters.indices.contains(index) && "0"..."9" ~= characters[index]
    }
    let places = characters.indices.filter { index in
      characters[index] == " " && isDigit(index - 1) && !isDigit(index - 4)
        && (1...3).allSatisfy { isDigit(index + $0) } && !isDigit(index + 4)
    }
    return Set(places)
  }

  /// `text` cut to `width` columns, every span keeping its role.
  package static func truncate(
    _ text: StyledText, to width: Int, ellipsis: Unicode.Scalar = "…"
  ) -> StyledText {
    guard width > 0 else { return StyledText([]) }
    guard text.width > width else { return text }
    var room = width - 1
    var spans: [Span] = []
    for span in text.spans {
      var kept = span
      kept.text = prefix(of: span.text, columns: room)
      room -= ScalarWidth.of(kept.text)
      let isCut = kept.text != span.text
      if isCut { kept.text.unicodeScalars.append(ellipsis) }
      spans.append(kept)
      if isCut { break }
    }
    return StyledText(spans)
  }

  private static func prefix(of text: String, columns: Int) -> String {
    var used = 0
    var end = text.startIndex
    while end < text.endIndex {
      used += ScalarWidth.of(String(text[end]))
      if used > columns { break }
      end = text.index(after: end)
    }
    return String(text[..<end])
  }
}

/// Builds lines a character at a time and moves the last word down when it does not fit.
private struct LineWrapper {
  private struct Piece {
    var character: Character
    var width: Int
    var span: Span
    /// Whether a line may end here.
    var isBreak: Bool
  }

  private let width: Int
  private var lines: [StyledText] = []
  private var line: [Piece] = []
  private var used = 0

  init(width: Int) { self.width = width }

  /// - Parameter isBound: whether it is a space that no line ends at.
  mutating func append(_ character: Character, isBound: Bool = false, like span: Span) {
    if character.isNewline {
      breakLine(keeping: 0)
      return
    }
    let piece = Piece(
      character: character, width: ScalarWidth.of(String(character)), span: span,
      isBreak: character == " " && !isBound)
    if used + piece.width > width, !line.isEmpty {
      if piece.isBreak {
        breakLine(keeping: 0)
        return
      }
      breakLine(keeping: tail(before: piece))
    }
    if piece.isBreak, line.isEmpty, !lines.isEmpty, lines.last?.spans.isEmpty == false { return }
    line.append(piece)
    used += piece.width
  }

  mutating func finish() -> [StyledText] {
    if !line.isEmpty || lines.isEmpty { breakLine(keeping: 0) }
    return lines
  }

  /// How many pieces at the end of the line belong to the word that goes on with `piece`.
  private func tail(before piece: Piece) -> Int {
    guard staysTogether(piece) else { return 0 }
    let kept = line.reversed().prefix { !$0.isBreak && staysTogether($0) }.count
    return kept < line.count ? kept : 0
  }

  /// Whether a character belongs to a word that is broken at spaces alone: narrow ones, and Hangul.
  private func staysTogether(_ piece: Piece) -> Bool {
    guard piece.width > 1 else { return true }
    return piece.character.unicodeScalars.first.map { scalar in
      (0xAC00...0xD7A3).contains(scalar.value) || (0x1100...0x11FF).contains(scalar.value)
        || (0x3130...0x318F).contains(scalar.value)
    } ?? false
  }

  private mutating func breakLine(keeping count: Int) {
    let kept = Array(line.suffix(count))
    var done = line.dropLast(count)
    while done.last?.character == " " { done.removeLast() }
    var spans: [Span] = []
    for piece in done {
      if let last = spans.last, last.role == piece.span.role,
        last.attributes == piece.span.attributes
      {
        spans[spans.count - 1].text.append(piece.character)
      } else {
        var span = piece.span
        span.text = String(piece.character)
        spans.append(span)
      }
    }
    lines.append(StyledText(spans))
    line = kept
    used = kept.reduce(0) { $0 + $1.width }
  }
}
