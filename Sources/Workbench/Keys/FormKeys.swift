/// What all screens with a form have in common.
extension Screen {
  /// Left and right step the chosen field; the other motions choose another.
  static func moveForm(
    _ motion: Motion, _ selected: WritableKeyPath<View, Int>, _ state: inout State
  ) -> [Effect] {
    let settings = settings(state)
    let now = state[Self.self][keyPath: selected]
    if motion.horizontal != 0, settings.indices.contains(now) {
      return settings[now].step(&state, motion.horizontal)
    }
    state[Self.self][keyPath: selected] = motion.moved(now, count: settings.count)
    return []
  }

  /// Opens the editor for the chosen field.
  static func typeValue(_ selected: Int, _ state: inout State) -> [Effect] {
    let settings = settings(state)
    if settings.indices.contains(selected) { state.edit(settings[selected]) }
    return []
  }

  /// Why nothing can be typed into the chosen field.
  static func cannotType(_ selected: Int, _ state: State) -> String? {
    let settings = settings(state)
    guard settings.indices.contains(selected) else { return "There is no field to type into" }
    return settings[selected].editable == nil
      ? "The field \(settings[selected].label) is not typed: the arrows change it" : nil
  }
}
