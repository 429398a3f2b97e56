/// A screen's view with a list that a filter thins out.
package protocol Filtered: Remembered {
  var filter: String { get set }
  var selected: Int { get set }
}

extension Screen where View: Filtered {
  package static func filter(_ text: String, _ state: inout State) {
    state[Self.self].filter = text
    state[Self.self].selected = 0
  }

  /// The `/` key of a screen with a list.
  static var filterBinding: Binding {
    Binding("/", name: "filter", help: "Show only what contains the text you type.", isHint: true) {
      state in
      state.overlay = .filter(FilterEdit(screen: id, text: state[Self.self].filter))
      return []
    }
  }
}

extension String {
  /// Whether every word of a filter occurs in the text, in any case.
  func satisfies(filter: String) -> Bool {
    let text = lowercased()
    return filter.lowercased().split(separator: " ").allSatisfy { text.contains($0) }
  }
}
