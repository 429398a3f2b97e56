import Evaluation
import Platform
import Tokenizers

/// Reads recall documents: texts with questions about details they told early on.
///
/// In a plain text documents are separated by lines of `<|endoftext|>`, and lines `Question: ...` are followed by lines
/// `Answer: ...`. A file whose first sign is `{` holds JSON lines instead, one document each:
/// `{"document": "...", "questions": [{"question": "...", "answer": "...", "fact": "..."}]}`, where `fact` may name the words
/// that tell the answer.
enum RecallText {
  /// A question in words.
  struct Question: Hashable {
    var question: String
    var answer: String
    var fact: String?
  }

  /// A document in words.
  struct Document: Hashable {
    var body: String
    var questions: [Question]
  }

  /// Reads a file of either form.
  ///
  /// - Throws: `EngineError.textUnreadable` for a file that is neither or asks nothing; `PlatformError`.
  static func documents(_ path: String) throws -> [Document] {
    let text = try TextSource.read(path)
    let isJSON = text.first { !$0.isWhitespace } == "{"
    let found =
      isJSON
      ? try lines(text, path: path)
      : TextSource.split(text).map(document)
    guard found.contains(where: { !$0.questions.isEmpty }) else {
      throw EngineError.textUnreadable(
        path: path,
        reason:
          "found no questions: expected lines 'Question: ...' and 'Answer: ...' after a document, or JSON "
          + "lines with \"document\" and \"questions\"")
    }
    return found
  }

  /// Finds the questions of a plain text.
  static func document(_ text: String) -> Document {
    var document = Document(body: "", questions: [])
    var question = ""
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("Question:") {
        question = Self.trimmed(line.dropFirst("Question:".count))
      } else if line.hasPrefix("Answer:") {
        let answer = Self.trimmed(line.dropFirst("Answer:".count))
        document.questions.append(Question(question: question, answer: answer))
      } else if document.questions.isEmpty, question.isEmpty {
        document.body += line + "\n"
      }
    }
    document.body = Self.trimmed(document.body[...])
    return document
  }

  private static func lines(_ text: String, path: String) throws -> [Document] {
    func refuse(_ number: Int, _ reason: String) -> EngineError {
      .textUnreadable(path: path, reason: "found otherwise in line \(number): \(reason)")
    }
    return try text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
      .filter { !Self.trimmed($0.element).isEmpty }
      .map { index, line in
        let value: JSONValue
        do { value = try StrictJSON.parse(Array(line.utf8)) } catch {
          throw refuse(index + 1, "\(error)")
        }
        guard let body = value.object?["document"]?.string,
          let asked = value.object?["questions"]?.array
        else {
          throw refuse(index + 1, "expected \"document\", a text, and \"questions\", a list")
        }
        return Document(
          body: body,
          questions: try asked.map { entry in
            guard let entry = entry.object, let question = entry["question"]?.string,
              let answer = entry["answer"]?.string,
              !Self.trimmed(answer[...]).isEmpty
            else {
              throw refuse(
                index + 1, "a question: expected \"question\" and \"answer\", both texts")
            }
            return Question(
              question: question, answer: Self.trimmed(answer[...]), fact: entry["fact"]?.string)
          })
      }
  }

  /// As tokens: the body, then each question with its answer, as the built-in model was taught.
  ///
  /// - Throws: what the tokenizer throws.
  static func tokens(of document: Document, tokenizer: Tokenizer) throws -> RecallDocument {
    var ids: [Int32] = []
    if let begin = tokenizer.id(of: "<|endoftext|>") ?? tokenizer.bosID { ids.append(begin) }
    let start = ids.count
    let finder = FactFinder(document.body)
    var questions: [RecallDocument.Question] = []
    var pending = document.body + "\n\n"
    for question in document.questions {
      ids += try tokenizer.encode(
        pending + "Question: \(question.question)\nAnswer:", addSpecialTokens: false)
      let answer = try tokenizer.encode(" " + question.answer, addSpecialTokens: false)
      let fact = try finder.place(of: question).map { place in
        try start + tokenizer.encode(String(document.body[..<place]), addSpecialTokens: false).count
      }
      questions.append(.init(start: ids.count, count: answer.count, fact: fact))
      ids += answer
      pending = "\n\n"
    }
    return RecallDocument(tokens: ids, questions: questions)
  }

  private static func trimmed(_ text: Substring) -> String {
    var text = text
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}

/// Finds the sentence that tells an answer: the one that shares the rarest words with question and answer.
struct FactFinder {
  private let text: String
  private let sentences: [Range<String.Index>]
  /// In how many sentences each word stands.
  private let counts: [String: Int]

  init(_ text: String) {
    self.text = text
    var sentences: [Range<String.Index>] = []
    var first = text.startIndex
    for index in text.indices where ".!?\n".contains(text[index]) {
      let end = text.index(after: index)
      sentences.append(first..<end)
      first = end
    }
    if first < text.endIndex { sentences.append(first..<text.endIndex) }
    var counts: [String: Int] = [:]
    for sentence in sentences {
      for word in Self.words(text[sentence]) { counts[word, default: 0] += 1 }
    }
    self.sentences = sentences
    self.counts = counts
  }

  /// Where the sentence begins; nil when no sentence shares a word.
  func place(of question: RecallText.Question) -> String.Index? {
    let asked = Self.words((question.fact ?? question.question + " " + question.answer)[...])
    var best: (score: Double, place: String.Index)?
    for sentence in sentences {
      let score = Self.words(text[sentence]).intersection(asked)
        .reduce(0.0) { $0 + 1 / Double(counts[$1] ?? 1) }
      if score > 0, score >= best?.score ?? 0 { best = (score, sentence.lowerBound) }
    }
    return best?.place
  }

  private static func words(_ text: Substring) -> Set<String> {
    Set(text.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init))
  }
}
