/// The stage that puts special tokens around the ids of a text when they are asked for.
struct PostProcessor: Equatable, Sendable {
  var prefix: [Int32] = []
  var suffix: [Int32] = []

  /// One after the other: the later is put around the earlier.
  func followed(by outer: PostProcessor) -> PostProcessor {
    PostProcessor(prefix: outer.prefix + prefix, suffix: suffix + outer.suffix)
  }
}
