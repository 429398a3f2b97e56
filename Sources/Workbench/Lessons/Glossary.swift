import Platform

/// A word of the field, explained in a sentence.
package struct GlossaryTerm: Hashable, Sendable, Codable {
  package var word: String
  /// Other ways it is written on screens.
  package var also: [String]
  package var text: String
  /// Whether it was on the screen when it was looked up.
  package var isOnScreen = false

  package init(word: String, also: [String] = [], text: String) {
    self.word = word
    self.also = also
    self.text = text
  }

  /// Whether the word, or another way to write it, stands in a text as a word of its own.
  func stands(in text: String) -> Bool {
    let text =
      " " + text.lowercased().map { $0.isLetter || $0.isNumber || $0 == "." ? $0 : " " } + " "
    return ([word] + also).contains { name in
      let plain = String(
        name.lowercased().map { $0.isLetter || $0.isNumber || $0 == "." ? $0 : " " })
      return text.contains(" \(plain) ") || text.contains(" \(plain)s ")
    }
  }
}

/// The words that are explained: one file a language, `Glossary/en.md`, with a section a word.
///
///     ## KL divergence
///     also: KL
///     How far …
package enum Glossary {
  package static let folderName = "Glossary"

  /// The words of a language, in the order of the file; of the first folder that has it.
  ///
  /// - Throws: `LessonProblem` for a file that cannot be read, and where there is none.
  package static func terms(
    _ language: String, in sessionFolders: [String]
  ) throws(LessonProblem) -> [GlossaryTerm] {
    var problem = LessonProblem("\(folderName)/\(language).md", "expected a glossary, found none")
    for folder in sessionFolders {
      let path = "\(folder)/\(folderName)/\(language).md"
      do {
        let file = try MappedFile(path: path)
        let bytes = try file.read(at: 0, count: min(file.byteCount, 1 << 20))
        return try terms(parsing: String(decoding: bytes, as: UTF8.self), path: path)
      } catch let error as LessonProblem {
        throw error
      } catch {
        if problem.line == 0 { problem = LessonProblem(path, "\(error)") }
      }
    }
    throw problem
  }

  /// Reads a glossary.
  ///
  /// - Throws: `LessonProblem` naming file and line.
  static func terms(parsing text: String, path: String) throws(LessonProblem) -> [GlossaryTerm] {
    var terms: [GlossaryTerm] = []
    for (index, row) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let line = LessonText.trimmed(row)
      if line.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 }) {
        throw LessonProblem(path, line: index + 1, "expected text, found a control character")
      }
      if line.hasPrefix("## ") {
        let word = LessonText.trimmed(line.dropFirst(3))
        if terms.contains(where: { $0.word == word }) {
          throw LessonProblem(path, line: index + 1, "'\(word)' stands here twice")
        }
        terms.append(GlossaryTerm(word: word, text: ""))
      } else if !line.isEmpty, !terms.isEmpty, !line.hasPrefix("# ") {
        let last = terms.count - 1
        if line.hasPrefix("also:") {
          terms[last].also = line.dropFirst(5).split(separator: ",").map { LessonText.trimmed($0) }
        } else {
          terms[last].text += (terms[last].text.isEmpty ? "" : " ") + line
        }
      }
    }
    if let empty = terms.first(where: { $0.text.isEmpty }) {
      throw LessonProblem(path, "'\(empty.word)' is not explained")
    }
    return terms
  }

  /// The words with those that a screen shows first.
  package static func sorted(_ terms: [GlossaryTerm], for screen: String) -> [GlossaryTerm] {
    let marked = terms.map { term in
      var term = term
      term.isOnScreen = term.stands(in: screen)
      return term
    }
    return marked.filter(\.isOnScreen) + marked.filter { !$0.isOnScreen }
  }
}
