import Evaluation
import Platform
import Tokenizers

/// Reads a file of tasks: JSON lines, an item a line, in a plain form or as lm-evaluation-harness logs its samples.
///
/// Plain: `{"id", "context", "choices": [...], "answer": 0}` or `{"id", "context", "expected": "..." or [...], "until": [...],
/// "max_tokens": 32}`. A space is put between context and choice where neither has white space there. Of the harness:
/// `{"doc_id", "target", "arguments": {"gen_args_0": {"arg_0": context, "arg_1": choice or {"until": [...]}}, ...}}`, or
/// `"arguments": [[context, choice], ...]`. Blank lines are passed over.
struct TaskText {
  /// One item in words.
  enum Question: Hashable {
    case choice(context: String, choices: [String], lengths: [Int], answer: Int)
    case answer(context: String, expected: [String], stops: [String], most: Int)
  }

  struct Item: Hashable {
    var id: String
    /// Its line in the file, from 1.
    var line: Int
    var question: Question
  }

  /// Tokens that are written at most where the file does not say.
  static let standardTokens = 32

  let path: String
  let items: [Item]

  /// - Throws: `EngineError.textUnreadable` for a file without items; `PromptError` naming file, line and field.
  init(path: String) throws {
    self.path = path
    var items: [Item] = []
    var seen: Set<String> = []
    let text = try TextSource.read(path)
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    where !line.allSatisfy(\.isWhitespace) {
      let reader = TaskLine(path: path, number: index + 1)
      let item = try reader.item(Array(line.utf8))
      // The harness logs a document once for each of its filters.
      guard seen.insert(item.id).inserted else {
        if item.isLogged { continue }
        throw reader.wrong("id", "one that no other line has", "\"\(item.id)\" again")
      }
      items.append(Item(id: item.id, line: index + 1, question: item.question))
    }
    guard !items.isEmpty else {
      throw EngineError.textUnreadable(path: path, reason: "found no task in it")
    }
    self.items = items
  }

  /// As tokens of a model.
  ///
  /// The tokens of a choice are those that follow the context's in the whole; white space at the end of a context goes to the
  /// choice, since words begin with theirs.
  /// - Throws: `PromptError` for a context that is empty where the tokenizer has no token to begin with; what the tokenizer
  ///   throws.
  func tokens(_ tokenizer: Tokenizer) throws -> [TaskItem] {
    try items.map { item in
      switch item.question {
      case .choice(let context, let choices, let lengths, let answer):
        let continuations = try zip(choices, lengths).map { choice, length in
          try continuation(context, choice, length: length, line: item.line, tokenizer)
        }
        return TaskItem(id: item.id, demand: .choice(continuations, answer: answer))
      case .answer(let context, let expected, let stops, let most):
        let ids = try begun(
          tokenizer.encode(context, addSpecialTokens: true), line: item.line, tokenizer)
        return TaskItem(
          id: item.id, context: ids,
          demand: .answer(expected: expected, stops: stops, most: most))
      }
    }
  }

  private func continuation(
    _ context: String, _ choice: String, length: Int, line: Int, _ tokenizer: Tokenizer
  ) throws -> TaskItem.Continuation {
    let kept = String(context.reversed().drop { $0.isWhitespace }.reversed())
    let before = try tokenizer.encode(kept, addSpecialTokens: true)
    let whole = try tokenizer.encode(context + choice, addSpecialTokens: true)
    // An empty context is one token that begins a text.
    let ids = before.isEmpty ? try begun([], line: line, tokenizer) + whole : whole
    let scored = whole.count - before.count
    guard scored > 0 else {
      throw TaskLine(path: path, number: line).wrong(
        "choices", "one that adds a token to its context", "\"\(choice)\"")
    }
    return TaskItem.Continuation(tokens: ids, scored: scored, length: length)
  }

  /// At least one token.
  private func begun(_ ids: [Int32], line: Int, _ tokenizer: Tokenizer) throws -> [Int32] {
    if !ids.isEmpty { return ids }
    guard let begin = tokenizer.bosID ?? tokenizer.eosID else {
      throw TaskLine(path: path, number: line).wrong(
        "context", "some text, since the tokenizer has no token that begins one", "none")
    }
    return [begin]
  }
}
