import TerminalUI

/// A field whose text is a path: what can be opened is listed below it, Tab completes, the arrows choose.
extension FieldEdit {
  static let pathBindings: [Binding] = [
    Binding(
      "tab", name: "complete", help: "Complete the path as far as it is certain.", isHint: true
    ) { state in change(&state) { $0.complete() } },
    Binding("down", name: "next", help: "Choose the entry below.") { state in
      change(&state) { $0.choose(1) }
    },
    Binding("up", name: "before", help: "Choose the entry above.") { state in
      change(&state) { $0.choose(-1) }
    },
    Binding(
      "enter", name: "open", help: "Go into the folder, or take the path over.", isHint: true
    ) { state in
      guard case .edit(let field) = state.overlay, let folder = field.folderToEnter else {
        return take(&state)
      }
      return change(&state) { $0.goInto(folder) }
    },
    Binding.closing("esc", help: "Leave the field as it was."),
  ]

  private static func change(
    _ state: inout State, _ body: (inout FieldEdit) -> [Effect]
  ) -> [Effect] {
    guard case .edit(var field) = state.overlay else { return [] }
    let effects = body(&field)
    state.overlay = .edit(field)
    return effects
  }

  /// The entries that the typed text begins.
  var matches: [PathEntry] { listing?.matches(typed) ?? [] }

  /// The folder that the text names, where it is no model.
  private var folderToEnter: PathEntry? {
    let text = editor.text.trimmed
    return (listing?.entries ?? []).first { $0.path == text && $0.isFolder }
  }

  /// Takes in a listing, unless another folder has been typed since.
  mutating func take(_ listing: PathListing) {
    if PathListing.folder(of: typed) == listing.folder { self.listing = listing }
  }

  /// Follows what was typed: another folder is listed.
  mutating func follow() -> [Effect] {
    typed = editor.text
    chosen = nil
    // A listing that left something out is asked for again with what is typed.
    guard isPath, listing?.folder != PathListing.folder(of: typed) || (listing?.left ?? 0) > 0
    else { return [] }
    return [.listPaths(typed: typed)]
  }

  private mutating func complete() -> [Effect] {
    guard let first = matches.first else { return follow() }
    if let chosen, matches.indices.contains(chosen) { return goInto(matches[chosen]) }
    guard matches.count > 1 else { return goInto(first) }
    var common = Substring(first.name)
    for entry in matches.dropFirst() {
      common = common.prefix(zip(common, entry.name).prefix { $0 == $1 }.count)
    }
    // Names of other letters than were typed have less in common than was typed.
    guard typed.count < PathListing.folder(of: typed).count + common.count else { return [] }
    put(first.path.dropLast(first.name.count) + common)
    return follow()
  }

  /// Puts an entry into the field; a folder is listed.
  private mutating func goInto(_ entry: PathEntry) -> [Effect] {
    put(entry.path + (entry.isFolder ? "/" : ""))
    return follow()
  }

  private mutating func choose(_ direction: Int) -> [Effect] {
    let found = matches
    guard !found.isEmpty else { return [] }
    let next = (chosen ?? (direction > 0 ? -1 : found.count)) + direction
    let place = min(max(0, next), found.count - 1)
    chosen = place
    put(Substring(found[place].path))
    return []
  }

  private mutating func put(_ text: some StringProtocol) {
    editor = LineEditor(String(text))
    problem = nil
  }

  /// What can be opened, below the field.
  func drawEntries(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let found = matches
    var items = found.map { entry in
      ItemList.Item(
        StyledText(entry.name + (entry.isFolder ? "/" : "")),
        trailing: entry.problem.map { .bad($0) } ?? .hint(entry.about ?? ""))
    }
    if let left = listing?.left, left > 0 {
      items.append(ItemList.Item(.hint("\(left) more: type the beginning of a name")))
    }
    let waiting =
      listing?.problem ?? (listing == nil ? "Looking" : "Nothing begins so that could be opened")
    buffer.draw(
      ItemList(items, selected: chosen, placeholder: .hint(waiting)), in: rect, look: look)
  }
}
