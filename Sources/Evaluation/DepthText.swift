/// Texts that are read to a depth and then decoded: `depth` tokens go into a cache in pieces, and the tokens after them
/// are scored one step after the other.
package struct DepthText: Sendable {
  /// Token ids, `[windows][depth + tokens + 1]`; the last of each is only a target.
  package let windows: [[Int32]]
  /// Tokens in the cache before the first step.
  package let depth: Int
  /// Scored tokens of a window.
  package let tokens: Int

  /// Cuts documents into windows that do not overlap; documents that are too short for one are left out.
  ///
  /// - Parameters:
  ///   - context: the most tokens the model takes.
  ///   - bos: put over the first token of each window; nil where documents begin with their own.
  ///   - most: windows at most.
  /// - Throws: `EvaluationError` for a depth outside the model's context, and when no document is long enough.
  package init(
    documents: [[Int32]], depth: Int, tokens: Int, context: Int, bos: Int32?, most: Int,
    text: String
  ) throws {
    guard depth >= 1, tokens >= 1 else {
      throw EvaluationError.depthOutOfRange(depth: depth, tokens: tokens)
    }
    guard depth <= context, tokens <= context - depth else {
      throw EvaluationError.beyondContext(depth: depth, tokens: tokens, context: context)
    }
    let length = depth + tokens + 1
    var windows: [[Int32]] = []
    for document in documents {
      var first = 0
      while document.count - first >= length, windows.count < max(1, most) {
        var window = Array(document[first..<first + length])
        if let bos { window[0] = bos }
        windows.append(window)
        first += length
      }
    }
    guard !windows.isEmpty else {
      throw EvaluationError.notDeepEnough(
        text: text, longest: documents.map(\.count).max() ?? 0, depth: depth, tokens: tokens)
    }
    self.windows = windows
    self.depth = depth
    self.tokens = tokens
  }

  /// Ranges of depths, each twice as deep as the one before: 64..<128, 128..<256, cut to what is scored.
  package var buckets: [Range<Int>] {
    var edges = [depth]
    var next = 1
    while next < depth + tokens {
      if next > depth { edges.append(next) }
      next *= 2
    }
    edges.append(depth + tokens)
    return zip(edges, edges.dropFirst()).map { $0..<$1 }
  }

  /// The first windows only.
  package func prefix(_ count: Int) -> DepthText {
    DepthText(windows: Array(windows.prefix(max(1, count))), depth: depth, tokens: tokens)
  }

  private init(windows: [[Int32]], depth: Int, tokens: Int) {
    self.windows = windows
    self.depth = depth
    self.tokens = tokens
  }
}
