/// How a text is cut into windows, and which positions of a window are scored.
///
/// `llama.cpp`: the whole text is one stream; windows of 512 tokens that do not overlap, the first token of
/// each replaced by BOS where the tokenizer adds one; the second half is scored (`llama-perplexity`).
/// `paper`: windows of 2048, every shifted position scored, BOS only where the stream itself begins (GPTQ,
/// AWQ, SmoothQuant). Where BOS stands can be asked for: some models are lost in a window that does not begin with it.
package struct TextWindows: Sendable {
  /// Token ids, `[windows][window]`.
  package let windows: [[Int32]]
  /// The first position whose next token is scored.
  package let firstScored: Int
  /// Tokens of a window after it was cut to the model's context.
  package let length: Int
  /// What stands before the tokens that are scored.
  package let begin: WindowBegin
  /// The first token of each window as the text has it, over which BOS may stand.
  package let heads: [Int32]

  /// The window each protocol uses when none is asked for.
  package static func standardLength(_ name: EvaluationProtocol) -> Int {
    switch name {
    case .llamaCpp: 512
    case .paper: 2048
    }
  }

  /// Cuts a stream of ids.
  ///
  /// - Parameters:
  ///   - ids: the tokens of the text, `bos` first where the tokenizer adds it.
  ///   - bos: the token that the tokenizer adds; nil where it adds none.
  ///   - asked: where it is to stand; nil for the protocol's own place. In windows of the papers it stands before their
  ///     tokens, in those of llama.cpp over the first of them.
  /// - Throws: `EvaluationError` when the text is shorter than the protocol needs, or BOS is asked for and there is none.
  package init(
    _ ids: [Int32], protocol name: EvaluationProtocol, window: Int?, context: Int, bos: Int32?,
    begin asked: WindowBegin? = nil, most: Int?, text: String
  ) throws {
    let length = min(window ?? Self.standardLength(name), context)
    guard length >= 4 else { throw EvaluationError.windowOutOfRange(found: length, lowest: 4) }
    if bos == nil, let asked, asked != .nothing { throw EvaluationError.noBegin }
    let begin =
      bos == nil ? .nothing : asked ?? (name == .llamaCpp ? WindowBegin.eachWindow : .text)
    var ids = ids
    let stands = name == .paper && begin == .eachWindow ? bos : nil
    if begin == .nothing || stands != nil, let bos, ids.first == bos { ids.removeFirst() }
    let needed = name == .llamaCpp ? 2 * length : length
    guard ids.count + (stands == nil ? 0 : 1) >= needed else {
      throw EvaluationError.textTooShort(text: text, tokens: ids.count, needed: needed)
    }
    let step = stands == nil ? length : length - 1
    let count = min(ids.count / step, max(1, most ?? .max))
    heads = (0..<count).map { stands ?? ids[$0 * step] }
    windows = (0..<count).map { index in
      var window = (stands.map { [$0] } ?? []) + ids[index * step..<(index + 1) * step]
      if name == .llamaCpp, begin == .eachWindow, let bos { window[0] = bos }
      return window
    }
    firstScored = name == .llamaCpp ? length / 2 : 0
    self.length = length
    self.begin = begin
  }

  /// The positions of a window whose next token is scored.
  package var scored: Range<Int> { firstScored..<length - 1 }
}

extension TextWindows {
  /// The first windows only.
  package func prefix(_ count: Int) -> TextWindows {
    TextWindows(
      windows: Array(windows.prefix(count)), firstScored: firstScored, length: length,
      begin: begin, heads: Array(heads.prefix(count)))
  }

  /// The windows of recorded logits, each with BOS over its first token where there is one.
  package init(_ recorded: BaseLogitsFile, bos: Int32?, most: Int?) {
    let found = Array(recorded.windows.prefix(max(1, most ?? .max)))
    self.init(
      windows: found.map { window in
        var window = window
        if let bos { window[0] = bos }
        return window
      }, firstScored: recorded.window / 2, length: recorded.window,
      begin: bos == nil ? .nothing : .eachWindow, heads: found.map { $0[0] })
  }

  private init(
    windows: [[Int32]], firstScored: Int, length: Int, begin: WindowBegin, heads: [Int32]
  ) {
    self.heads = heads
    self.begin = begin
    self.windows = windows
    self.firstScored = firstScored
    self.length = length
  }
}
