import TerminalUI

/// The keys and the picture of the theme list; the theme under the cursor is tried on at once.
extension ThemePicker {
  static let bindings: [Binding] = [
    Binding("up", "k", name: "up", help: "Try the theme above.") { state in move(.up, &state) },
    Binding("down", "j", name: "down", help: "Try the theme below.") { state in
      move(.down, &state)
    },
    Binding("enter", name: "keep", help: "Keep the theme that is tried on.", isHint: true) {
      state in
      guard case .themes(let picker) = state.overlay else { return [] }
      state.overlay = nil
      state.previewedTheme = nil
      let themes = state.catalog.themes
      guard themes.indices.contains(picker.selected), themes[picker.selected].problem == nil else {
        return []
      }
      state.theme = themes[picker.selected].name
      return [.loadTheme(name: state.theme)]
    },
    Binding("esc", "q", "t", name: "back", help: "Go back to the theme before.", isHint: true) {
      state in
      state.overlay = nil
      state.previewedTheme = nil
      return []
    },
  ]

  private static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    guard case .themes(var picker) = state.overlay else { return [] }
    let themes = state.catalog.themes
    picker.selected = motion.moved(picker.selected, count: themes.count)
    state.overlay = .themes(picker)
    if themes.indices.contains(picker.selected), themes[picker.selected].problem == nil {
      state.previewedTheme = themes[picker.selected].name
    }
    return []
  }

  func draw(_ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let themes = state.catalog.themes
    let width = min(rect.width, 46)
    let height = min(rect.height, max(themes.count, 1) + 7)
    let (_, right) = rect.splitRight(width + 1)
    let room = buffer.modal(
      "Themes", size: Size(width: width, height: height), in: right,
      footer: StyledText("Enter keep  Esc back", .hint), look: look)
    let (top, sample) = room.splitBottom(4)
    let items = themes.map { theme in
      ItemList.Item(
        StyledText(theme.name),
        trailing: theme.problem != nil
          ? .bad("\(look.glyphs.fail) broken")
          : theme.name == state.theme ? StyledText("in use", .hint) : "")
    }
    buffer.draw(
      ItemList(
        items, selected: themes.isEmpty ? nil : selected,
        placeholder: StyledText("Only the built-in theme was found.", .hint)),
      in: top, look: look)
    drawSample(themes, in: sample, of: &buffer, look: look)
  }

  private func drawSample(
    _ themes: [ThemeEntry], in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    if themes.indices.contains(selected), let problem = themes[selected].problem {
      for (index, line) in TextLayout.wrap(problem, to: rect.width).prefix(3).enumerated() {
        buffer.line(.bad(line), in: rect.row(index + 1), look: look)
      }
      return
    }
    let glyphs = look.glyphs
    buffer.line(
      .good("\(glyphs.pass) pass") + "  " + .warn("\(glyphs.warn) warn") + "  "
        + .bad("\(glyphs.fail) fail") + "  " + .accent("accent") + "  " + .dim("dim"),
      in: rect.row(1), look: look)
    for column in 0..<rect.width {
      let place = Double(column) / Double(max(1, rect.width - 1))
      buffer.set(
        glyphs.barEighths[7], x: rect.x + column, y: rect.y + 2,
        style: Style(foreground: look.heat.color(at: place)))
    }
  }
}
