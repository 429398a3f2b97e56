import Checkpoints
import Models
import Tensors
import Tokenizers

/// Two models that are to be held against each other: whether every layer and every token of one has its counterpart.
struct Counterparts {
  let base: OpenedModel
  let candidate: OpenedModel

  /// Ids whose spelling may differ before the tokenizers count as two: unused ones are named as a converter likes.
  private static let spelledShare = 0.01

  /// What differs without making figures meaningless, in words.
  ///
  /// - Throws: `EngineError.noCounterpart` for another family, other shapes, another tokenizer.
  func check() throws -> [String] {
    try checkFamily()
    try checkShapes()
    let tokens = try checkTokens()
    return tokens + differences + missing
  }

  private func failure(_ what: String, expected: String, found: String) -> EngineError {
    .noCounterpart(
      candidate: candidate.summary.name, base: base.summary.name, what: what, expected: expected,
      found: found)
  }

  /// Names of one family differ between formats (a Mistral is `llama` in GGUF), the architecture that reads them does not.
  private func checkFamily() throws {
    let (one, other) = (base.weights.configuration, candidate.weights.configuration)
    guard ObjectIdentifier(one.architecture) == ObjectIdentifier(other.architecture) else {
      throw failure("architecture", expected: one.modelType, found: other.modelType)
    }
  }

  private func checkShapes() throws {
    let (one, other) = (base.weights.configuration, candidate.weights.configuration)
    let sizes: [(String, Int, Int)] = [
      ("blocks", one.blocks, other.blocks), ("width", one.hiddenSize, other.hiddenSize),
      ("feed-forward width", one.intermediateSize, other.intermediateSize),
      ("heads", one.heads, other.heads), ("KV heads", one.kvHeads, other.kvHeads),
      ("channels of a head", one.headDimension, other.headDimension),
      ("rows of the vocabulary", one.vocabularySize, other.vocabularySize),
    ]
    let wrong = sizes.filter { $0.1 != $0.2 }
    guard wrong.isEmpty else {
      throw failure(
        "sizes", expected: wrong.map { "\($0.1) \($0.0)" }.joined(separator: ", "),
        found: wrong.map { "\($0.2) \($0.0)" }.joined(separator: ", "))
    }
    let (left, right) = (base.weights, candidate.weights)
    guard Set(left.linears) == Set(right.linears) else {
      let names = Set(left.linears).symmetricDifference(right.linears).map { "\($0)" }.sorted()
      throw failure(
        "layers", expected: "the same in both",
        found: "\(names.prefix(4).joined(separator: ", ")) in one alone")
    }
  }

  // MARK: Tokens

  private static let sample = """
    The quick brown fox, 1234567 of them: naïve café, 한국어 テスト. \n\n\tfunc f(x) { return x != 0 }
    """

  private func checkTokens() throws -> [String] {
    guard let one = base.tokenizer, let other = candidate.tokenizer else {
      return candidate.tokenizer == nil && base.tokenizer != nil
        ? ["\(candidate.summary.name) has no tokenizer: that of \(base.summary.name) is used"] : []
    }
    let rows = Int32(base.weights.configuration.vocabularySize)
    var compared = 0
    var differing = 0
    var first: (id: Int32, one: String, other: String)?
    for id in 0..<rows {
      guard let left = one.token(for: id), let right = other.token(for: id) else { continue }
      compared += 1
      guard left != right else { continue }
      differing += 1
      if first == nil { first = (id, left, right) }
    }
    let place = first.map { "token \($0.id)" } ?? "tokens"
    if Double(differing) > Self.spelledShare * Double(compared) {
      throw failure(
        "tokenizer, \(place)", expected: "'\(first?.one ?? "")'",
        found:
          "'\(first?.other ?? "")' (\(differing) of \(compared) differ)")
    }
    let (left, right) = (try one.encode(Self.sample), try other.encode(Self.sample))
    if let place = zip(left, right).enumerated().first(where: { $0.1.0 != $0.1.1 })?.offset
      ?? (left.count == right.count ? nil : min(left.count, right.count))
    {
      throw failure(
        "tokenizer, ids of the same text",
        expected: "\(left.dropFirst(max(0, place - 1)).prefix(4))",
        found: "\(right.dropFirst(max(0, place - 1)).prefix(4))")
    }
    var notes: [String] = []
    if differing > 0, let first {
      notes.append(
        "\(differing) of \(compared) tokens are spelled otherwise, token \(first.id) '\(first.other)' for "
          + "'\(first.one)'")
    }
    let begins = (try one.addedBegin(), try other.addedBegin())
    if begins.0 != begins.1 {
      func words(_ id: Int32?) -> String { id.map { "token \($0)" } ?? "nothing" }
      notes.append(
        "\(base.summary.name) puts \(words(begins.0)) before a text, \(candidate.summary.name) "
          + "\(words(begins.1)): the former is done for both")
    }
    return notes
  }

  // MARK: What is only told

  /// Numbers of the configurations that give other outputs from the same weights.
  private var differences: [String] {
    let (one, other) = (base.weights.configuration, candidate.weights.configuration)
    let numbers: [(String, String, String)] = [
      ("norm epsilon", "\(one.normEpsilon)", "\(other.normEpsilon)"),
      ("rotary base", "\(one.rotary.base)", "\(other.rotary.base)"),
      ("attention windows", "\(Set(one.windows).sorted())", "\(Set(other.windows).sorted())"),
    ]
    return numbers.filter { $0.1 != $0.2 }.map {
      "\($0.0): \($0.1) in \(base.summary.name), \($0.2) in \(candidate.summary.name)"
    }
  }

  /// Biases and heads that one of them has alone.
  private var missing: [String] {
    var notes: [String] = []
    let (one, other) = (base.weights, candidate.weights)
    let biased = one.linears.filter { (one[$0].bias == nil) != (other[$0].bias == nil) }
    if let first = biased.first {
      let owner = one[first].bias == nil ? candidate : base
      notes.append(
        "\(biased.count) layer\(biased.count == 1 ? " has" : "s have") a bias in \(owner.summary.name) "
          + "alone, \(first) first")
    }
    if one.configuration.tiedEmbeddings != other.configuration.tiedEmbeddings {
      let owner = one.configuration.tiedEmbeddings ? candidate : base
      notes.append("\(owner.summary.name) alone has a head of its own")
    }
    return notes
  }
}
