/// A regular expression that names are matched against from their beginning, as Python's `re.match` does.
///
/// The patterns of configuration files (`re:.*mlp.*`), executed like splitting patterns: no pattern goes back, and what
/// is not known is refused.
package struct NamePattern: Equatable, Sendable {
  package let text: String
  private let automaton: PatternAutomaton

  /// Reads a pattern; nil, with the reason in `words`, for one that is not executed here.
  package init?(_ text: String, words: inout String) {
    // A match begins at the beginning anyway.
    let pattern = text.utf8.first == UInt8(ascii: "^") ? String(text.dropFirst()) : text
    do throws(PatternError) {
      automaton = try PatternAutomaton(pattern, allowsEmpty: true)
    } catch {
      words = error.words(text)
      return nil
    }
    self.text = text
  }

  /// Whether the beginning of `name`, or all of it, is of the pattern.
  package func matches(_ name: String) -> Bool {
    var name = name
    return name.withUTF8 { automaton.matchEnd(in: $0, from: 0) != nil }
  }
}
