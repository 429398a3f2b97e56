/// What the choices were before each of the last changes, so that the last one can be taken back.
package struct Past: Hashable, Sendable {
  /// The oldest first.
  private(set) var choices: [Choices] = []
  /// How many changes can be taken back.
  package static let most = 100

  package init() {}

  package var isEmpty: Bool { choices.isEmpty }

  /// Remembers what the choices were before a change.
  mutating func append(_ before: Choices) {
    choices.append(before)
    if choices.count > Self.most { choices.removeFirst() }
  }

  mutating func removeLast() -> Choices? { choices.popLast() }
}
