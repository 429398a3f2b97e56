import Wording

/// The words of a lesson in one language, as `en.md` has them.
///
///     # Three tensors
///     language: en
///     revision: 1
///     about: What costs memory and time, and when.
///
///     ## first-stop
///     What is said at the stop `first-stop`, with {{plan.memory.weights|bytes}} filled in.
///     ### hint
///     Said when the learner asks for it; likewise `right`, `wrong` and `done`.
///     ### some-choice
///     The answer as it is offered.
///
///     Why it is right or not.
struct LessonText: Hashable, Sendable {
  var path: String
  var title = ""
  var about = ""
  var language = ""
  var revision = 1
  /// The revision of the source language that it was made from; nil in the source itself.
  var of: Int?
  var sections: [Section] = []

  /// What is said at one stop.
  struct Section: Hashable, Sendable {
    var id: String
    var line: Int
    var words = LessonWords()
    var choices: [LessonChoice] = []
    /// Where each choice stands.
    var choiceLines: [String: Int] = [:]
  }

  subscript(_ id: String) -> Section? { sections.first { $0.id == id } }

  /// Reads a text; what is wrong is told with its line, and the rest is read.
  init(parsing text: String, path: String, problems: inout [LessonProblem]) {
    self.path = path
    var part: (name: String, line: Int, lines: [String])?
    func close(_ sections: inout [Section]) {
      guard let ended = part, !sections.isEmpty else { return }
      sections[sections.count - 1].put(ended.lines, as: ended.name, line: ended.line)
    }
    for (index, row) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let number = index + 1
      let line = row.last == "\r" ? String(row.dropLast()) : String(row)
      if let scalar = line.unicodeScalars.first(where: {
        $0.value < 32 && $0 != "\t" || $0.value == 127
      }) {
        problems.append(
          LessonProblem(
            path, line: number,
            "expected text, found a control character (\(String(scalar.value, radix: 16)))"))
        continue
      }
      if line.hasPrefix("### ") {
        close(&sections)
        part = (Self.trimmed(line.dropFirst(4)), number, [])
        if sections.isEmpty {
          problems.append(LessonProblem(path, line: number, "expected '## STOP' before '### …'"))
        }
      } else if line.hasPrefix("## ") {
        close(&sections)
        let id = Self.trimmed(line.dropFirst(3))
        if sections.contains(where: { $0.id == id }) {
          problems.append(LessonProblem(path, line: number, "the stop '\(id)' stands here twice"))
        }
        sections.append(Section(id: id, line: number))
        part = ("", number, [])
      } else if line.hasPrefix("# ") {
        title = Self.trimmed(line.dropFirst(2))
      } else if part != nil {
        part?.lines.append(line)
      } else if !Self.trimmed(line[...]).isEmpty {
        head(line, number, &problems)
      }
    }
    close(&sections)
    if title.isEmpty {
      problems.append(LessonProblem(path, line: 1, "expected '# TITLE', found none"))
    }
  }

  /// A line before the first stop: `language: ko`.
  private mutating func head(_ line: String, _ number: Int, _ problems: inout [LessonProblem]) {
    let sides = line.split(separator: ":", maxSplits: 1).map { Self.trimmed($0) }
    let value = sides.count > 1 ? sides[1] : ""
    switch sides.first {
    case "language": language = value
    case "about": about = value
    case "revision", "of":
      guard let revision = Int(value), revision > 0 else {
        problems.append(
          LessonProblem(
            path, line: number, "\(sides[0]): expected a number from 1, found '\(value)'"))
        return
      }
      if sides[0] == "of" { of = revision } else { self.revision = revision }
    default:
      problems.append(
        LessonProblem(
          path, line: number,
          "expected language, revision, of or about, found '\(sides.first ?? "")'"))
    }
  }

  static func trimmed(_ text: Substring) -> String {
    let front = text.drop(while: \.isWhitespace)
    return String(front.reversed().drop(while: \.isWhitespace).reversed())
  }
}

extension LessonText.Section {
  static let parts = ["hint", "right", "wrong", "done", "notes"]

  fileprivate mutating func put(_ lines: [String], as name: String, line: Int) {
    let paragraphs = Self.paragraphs(lines)
    let text = paragraphs.joined(separator: "\n\n")
    switch name {
    case "": words.body = text
    case "hint": words.hint = text
    case "right": words.right = text
    case "wrong": words.wrong = text
    case "done": words.done = text
    case "notes": words.notes = text
    default:
      choiceLines[name] = line
      choices.append(
        LessonChoice(
          id: name, label: paragraphs.first ?? "",
          why: paragraphs.dropFirst().joined(separator: "\n\n")))
    }
  }

  /// Lines between blank ones joined, so that a file may break its lines where it likes; lists keep theirs.
  private static func paragraphs(_ lines: [String]) -> [String] {
    var paragraphs: [String] = []
    var isOpen = false
    for line in lines {
      let text = LessonText.trimmed(line[...])
      guard !text.isEmpty else {
        isOpen = false
        continue
      }
      if isOpen {
        paragraphs[paragraphs.count - 1] += (text.hasPrefix("- ") ? "\n" : " ") + text
      } else {
        paragraphs.append(text)
        isOpen = true
      }
    }
    return paragraphs
  }
}
