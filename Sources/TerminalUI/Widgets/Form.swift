import Wording

/// Fields one below the other: name, value in the manner of its kind, remark or error.
package struct Form: Widget {
  /// How a value is changed, which is how it looks.
  package enum Value: Hashable, Sendable {
    /// One of several; the arrows left and right change it.
    case choice(StyledText)
    case toggle(isOn: Bool)
    /// Typed text; a caret (counted in characters) while it is edited.
    case text(String, caret: Int?)
    /// Shown only.
    case fixed(StyledText)
  }

  package struct Field: Hashable, Sendable {
    package var label: String
    package var value: Value
    /// The unit, directly after the value.
    package var unit: String
    /// A remark on the right.
    package var remark: StyledText
    /// Why the value is not accepted; takes the place of the remark.
    package var error: String?
    package var isEnabled: Bool

    package init(
      _ label: String, _ value: Value, unit: String = "", remark: StyledText = "",
      error: String? = nil, isEnabled: Bool = true
    ) {
      self.label = label
      self.value = value
      self.unit = unit
      self.remark = remark
      self.error = error
      self.isEnabled = isEnabled
    }
  }

  package var fields: [Field]
  package var selected: Int?
  package var top: Int

  package init(_ fields: [Field], selected: Int? = nil, top: Int = 0) {
    self.fields = fields
    self.selected = selected
    self.top = top
  }

  package func window(in rect: Rect) -> ScrollWindow {
    ScrollWindow(count: fields.count, visible: rect.height, selected: selected, top: top)
  }

  package func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let window = window(in: rect)
    let labels = min(
      fields.map { ScalarWidth.of($0.label) }.max() ?? 0, max(4, rect.width * 2 / 5))
    for (line, index) in window.range.enumerated() {
      let row = rect.row(line).inset(right: window.overflows ? 1 : 0)
      let isTyped = if case .text = fields[index].value { true } else { false }
      buffer.mark(row, .field(index, chosen: selected, isTyped: isTyped))
      draw(
        fields[index], isSelected: index == selected, labels: labels, in: row, of: &buffer,
        look: look)
    }
    buffer.draw(ScrollBar(window), in: rect, look: look)
  }

  private func draw(
    _ field: Field, isSelected: Bool, labels: Int, in row: Rect, of buffer: inout CellBuffer,
    look: Look
  ) {
    if isSelected {
      buffer.fill(row, style: look.style(.selection))
      buffer.put(
        String(look.glyphs.pointer), x: row.x, y: row.y,
        style: look.style(.selection).adding(.bold), clip: row)
    }
    let quiet: Role = isSelected ? .selection : .dim
    let columns = row.inset(left: 2).columns([.fixed(labels), .fill()], spacing: 2)
    buffer.line(StyledText(field.label, quiet), in: columns[0], look: look)
    var text = value(field, isSelected: isSelected, look: look)
    if !field.unit.isEmpty { text += StyledText(" " + field.unit, quiet) }
    if let error = field.error {
      text += "  " + StyledText("\(look.glyphs.fail) \(error)", .bad)
    } else if !field.remark.plain.isEmpty {
      text += "  " + (isSelected ? field.remark.onSelection : field.remark)
    }
    buffer.line(text, in: columns[1], look: look)
  }

  private func value(_ field: Field, isSelected: Bool, look: Look) -> StyledText {
    let plain: Role = !field.isEnabled ? .dim : isSelected ? .strong : .text
    let isASCII = look.glyphs.kind == .ascii
    switch field.value {
    case .choice(let text):
      let shown = StyledText(
        text.spans.map { Span($0.text, $0.role == .text ? plain : $0.role) })
      guard isSelected, field.isEnabled else { return "  " + shown }
      return .accent(isASCII ? "< " : "‹ ") + shown + .accent(isASCII ? " >" : " ›")
    case .toggle(let isOn):
      return "  " + StyledText(isOn ? "[x] on" : "[ ] off", plain)
    case .fixed(let text): return "  " + (isSelected ? text.onSelection : text)
    case .text(let text, let caret):
      guard let caret else { return "  " + StyledText(text, plain) }
      return "  " + Self.editing(text, caret: caret)
    }
  }

  /// Text with the character at the caret marked; at its end a space is.
  static func editing(_ text: String, caret: Int) -> StyledText {
    let caret = min(max(0, caret), text.count)
    let before = String(text.prefix(caret))
    let rest = text.dropFirst(caret)
    return StyledText([
      Span(before, .strong), Span(rest.first.map { String($0) } ?? " ", .cursor),
      Span(String(rest.dropFirst()), .strong),
    ])
  }
}

extension CellBuffer {
  /// Draws a one-line text field; a long text is shown around its caret.
  package mutating func textField(
    _ text: String, caret: Int, prompt: StyledText = "", in rect: Rect, look: Look
  ) {
    guard !rect.isEmpty else { return }
    let end = put(prompt, x: rect.x, y: rect.y, clip: rect) { look.style($0) }
    let room = Rect(x: end, y: rect.y, width: rect.maxX - end, height: 1).intersection(rect)
    let before = ScalarWidth.of(String(text.prefix(max(0, caret))))
    let shift = max(0, before - room.width + 2)
    put(Form.editing(text, caret: caret), x: room.x - shift, y: rect.y, clip: room) {
      look.style($0)
    }
  }
}
