/// What a screen keeps between two keys: where its cursors are, or what the user has chosen for its job.
package protocol Remembered: Hashable, Sendable {
  /// As it is before anybody has touched it.
  init()
}

/// What the screens remember, by their ids: values of types that the state does not know.
///
/// A value that is as it began is not kept, so that a state somebody looked at equals one that nobody did.
package struct RoomStore: Hashable, Sendable {
  private var values: [String: Held] = [:]

  package init() {}

  package subscript<Value: Remembered>(_ id: String, as type: Value.Type = Value.self) -> Value {
    get { values[id]?.value as? Value ?? Value() }
    set { values[id] = newValue == Value() ? nil : Held(value: newValue) }
  }

  /// Whether both hold the same for a screen.
  func agrees(with other: RoomStore, on id: String) -> Bool { values[id] == other.values[id] }

  /// A value whose type only its screen knows.
  private struct Held: Hashable, Sendable {
    var value: any Remembered

    static func == (left: Held, right: Held) -> Bool {
      AnyHashable(left.value) == AnyHashable(right.value)
    }

    func hash(into hasher: inout Hasher) { value.hash(into: &hasher) }
  }
}

/// For screens that have nothing to remember.
package struct NothingRemembered: Remembered {
  package init() {}
}
