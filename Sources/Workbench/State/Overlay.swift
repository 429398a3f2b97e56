package import Engine

/// What lies over a screen and has the keyboard until it is closed: what it remembers, and nothing of what it does.
package enum Overlay: Hashable, Sendable {
  case help(HelpPage)
  case palette(Palette)
  case themes(ThemePicker)
  case confirm(Confirmation)
  case edit(FieldEdit)
  case filter(FilterEdit)
  case glossary(GlossaryPage)
  case recordingTitle(RecordingTitle)

  /// The name that lessons use.
  package var name: String {
    switch self {
    case .help: "help"
    case .palette: "palette"
    case .themes: "themes"
    case .confirm: "confirm"
    case .edit: "edit"
    case .filter: "filter"
    case .glossary: "glossary"
    case .recordingTitle: "recording"
    }
  }
}

/// Help: what the screen answers, its keys, the keys that work everywhere.
package struct HelpPage: Hashable, Sendable {
  /// The screen that is explained.
  package var screen: String
  package var top = 0

  package init(screen: String) { self.screen = screen }
}

/// Words explained, those on the screen first.
package struct GlossaryPage: Hashable, Sendable {
  package var terms: [GlossaryTerm]
  package var selected = 0

  package init(terms: [GlossaryTerm]) { self.terms = terms }
}

/// The command palette: everything that can be done now, found by a few letters of its name.
package struct Palette: Hashable, Sendable {
  package var editor = LineEditor()
  package var selected = 0

  package init() {}
}

/// The theme list; the theme under the cursor is tried on at once.
package struct ThemePicker: Hashable, Sendable {
  package var selected = 0

  package init(selected: Int) { self.selected = selected }
}

/// A question before something that cannot be taken back; it names what would be lost.
package struct Confirmation: Hashable, Sendable {
  package enum Purpose: Hashable, Sendable {
    case quit
    case cancel(id: JobID)
    case deleteRun(id: String)
    /// A job that leaves nothing of what was measured.
    case replace(JobRequest)
  }

  package var purpose: Purpose
  /// The job that would be lost, or what was measured.
  package var title: String

  package init(_ purpose: Purpose, title: String) {
    self.purpose = purpose
    self.title = title
  }
}

/// A field of the screen's form while its text is typed.
package struct FieldEdit: Hashable, Sendable {
  /// The label of the setting, which finds it again.
  package var label: String
  package var help: String
  package var editor: LineEditor
  /// Why the text was not taken.
  package var problem: String?
  /// Whether the text is a path, which is completed.
  package var isPath: Bool
  /// What was typed, which the entries that are shown begin with.
  package var typed: String
  /// What lies in the folder that was typed; nil until it is known.
  package var listing: PathListing?
  /// The entry that the arrows chose.
  package var chosen: Int?

  package init(label: String, help: String, text: String, isPath: Bool = false) {
    self.label = label
    self.help = help
    self.isPath = isPath
    editor = LineEditor(text)
    typed = editor.text
  }
}

/// The title of a recording while it is typed; the suggestion counts where nothing is.
package struct RecordingTitle: Hashable, Sendable {
  package var suggestion: String
  package var editor: LineEditor

  package init(suggestion: String) {
    self.suggestion = suggestion
    editor = LineEditor(suggestion)
  }
}

/// The filter of a screen's list while it is typed; the list follows at once.
package struct FilterEdit: Hashable, Sendable {
  /// The screen whose list it is.
  package var screen: String
  package var editor: LineEditor

  package init(screen: String, text: String) {
    self.screen = screen
    editor = LineEditor(text)
  }
}
