import TerminalUI

extension Look {
  /// The look of what is drawn inside of a modal box: ordinary text has the box's colours.
  var insideModal: Look {
    let modal = theme.style(.modal).over(theme.style(.text))
    let roles = ["text": "\(modal.foreground) on \(modal.background)"]
    // A theme whose roles cannot be read on its modal box keeps its ordinary look there.
    guard let changed = try? Theme(name: theme.name, inheriting: theme, roles: roles) else {
      return self
    }
    return Look(theme: changed, depth: depth, glyphs: glyphs)
  }
}
