import TerminalUI

/// What the overlays do: their keys, typed text, their pictures.
extension Overlay {
  /// The keys of the overlay that is open.
  package var bindings: [Binding] {
    switch self {
    case .help: HelpPage.bindings
    case .palette: Palette.bindings
    case .themes: ThemePicker.bindings
    case .confirm: Confirmation.bindings
    case .edit(let field): field.isPath ? FieldEdit.pathBindings : FieldEdit.bindings
    case .filter: FilterEdit.bindings
    case .glossary: GlossaryPage.bindings
    case .recordingTitle: RecordingTitle.bindings
    }
  }

  /// The binding tables of all overlays, for help and tests.
  package static var scopes: [Keymap.Scope] {
    [
      Keymap.Scope(title: "Help", bindings: HelpPage.bindings),
      Keymap.Scope(title: "Palette", bindings: Palette.bindings),
      Keymap.Scope(title: "Themes", bindings: ThemePicker.bindings),
      Keymap.Scope(title: "Question", bindings: Confirmation.bindings),
      Keymap.Scope(title: "Editing a field", bindings: FieldEdit.bindings),
      Keymap.Scope(title: "Typing a path", bindings: FieldEdit.pathBindings),
      Keymap.Scope(title: "Filter", bindings: FilterEdit.bindings),
      Keymap.Scope(title: "Glossary", bindings: GlossaryPage.bindings),
      Keymap.Scope(title: "Title of a recording", bindings: RecordingTitle.bindings),
      Keymap.Scope(title: "Lesson", bindings: LessonKeys.all),
    ]
  }

  /// Gives a key that no binding took to the text that is being edited.
  static func type(_ press: KeyPress, _ state: inout State) -> [Effect] {
    edit(&state) { _ = $0.handle(press) }
  }

  /// Puts pasted text in.
  static func type(_ text: String, _ state: inout State) -> [Effect] {
    edit(&state) { $0.insert(text) }
  }

  private static func edit(_ state: inout State, _ change: (inout LineEditor) -> Void) -> [Effect] {
    switch state.overlay {
    case .palette(var palette):
      change(&palette.editor)
      palette.selected = 0
      state.overlay = .palette(palette)
    case .edit(var field):
      change(&field.editor)
      field.problem = nil
      let effects = field.follow()
      state.overlay = .edit(field)
      return effects
    case .filter(var filter):
      change(&filter.editor)
      state.overlay = .filter(filter)
      filter.apply(filter.editor.text, &state)
    case .recordingTitle(var question):
      change(&question.editor)
      state.overlay = .recordingTitle(question)
    case .help, .themes, .confirm, .glossary, nil: break
    }
    return []
  }

  func draw(_ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let look = look.insideModal
    switch self {
    case .help(let page): page.draw(state, in: rect, of: &buffer, look: look)
    case .palette(let palette): palette.draw(state, in: rect, of: &buffer, look: look)
    case .themes(let picker): picker.draw(state, in: rect, of: &buffer, look: look)
    case .confirm(let question): question.draw(in: rect, of: &buffer, look: look)
    case .edit(let field): field.draw(in: rect, of: &buffer, look: look)
    case .filter(let filter): filter.draw(in: rect, of: &buffer, look: look)
    case .glossary(let page): page.draw(in: rect, of: &buffer, look: look)
    case .recordingTitle(let question): question.draw(state, in: rect, of: &buffer, look: look)
    }
  }
}
