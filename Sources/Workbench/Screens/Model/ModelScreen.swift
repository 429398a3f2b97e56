package import Engine
import Models
package import TerminalUI
import Wording

/// Which model it is about: the list of models, and what the open one is made of.
package enum ModelScreen: Screen {
  package static let id = Place.model
  package static let title = "Model"
  package static let question =
    "Which model do you want to quantize, and what does it cost in bytes today?"

  /// Where the cursor is.
  package struct View: Filtered {
    package var selected = 0
    package var filter = ""

    package init() {}
  }

  package static let shortcut = Shortcut("1")
  package static let isInWalk = true

  package static func isDone(_ state: State) -> Bool { state.facts.model != nil }

  package static let bindings: [Binding] = [
    Binding("o", name: "open a path", help: "Type the path of a model to open.", isHint: true) {
      state in
      state.editPath(prompts(state).first)
    },
    Binding(
      "plus", name: "candidate", help: "Open a file to be held against the open model.",
      isHint: true,
      unless: {
        $0.facts.model == nil ? "No model is open yet that a candidate could be held against" : nil
      }
    ) { state in
      state.editPath(prompts(state).last)
    },
    filterBinding,
  ]

  package static func prompts(_ state: State) -> [Setting] {
    [
      Setting(
        "Path of a model", .text("", caret: nil),
        help: "A Hugging Face directory (config.json, safetensors, tokenizer), a GGUF file, or a "
          + "directory that nibble quantize wrote.",
        editable: "",
        take: { state, text in
          let path = text.trimmed
          guard !path.isEmpty else { return .refused(expected: "the path of a model") }
          return .taken(state.startAnew(LoadJob(path: path)))
        }),
      Setting(
        "Path of a candidate", .text("", caret: nil),
        help:
          "A model of the same family and sizes, such as a file that somebody else has quantized; its layers and its "
          + "figures are held against \(base(state)?.name ?? "the open model").",
        editable: chosen(state).flatMap { isOpen($0, state) ? nil : $0.path } ?? "",
        take: { state, text in
          let path = text.trimmed
          guard !path.isEmpty else { return .refused(expected: "the path of a candidate") }
          return .taken(state.startAnew(LoadJob(path: path, against: base(state)?.path)))
        }),
    ]
  }

  /// What a candidate would be held against: the open model, or the one that is that already.
  private static func base(_ state: State) -> (name: String, path: String)? {
    state.facts.model.map { model in
      model.against.map { ($0.name, $0.path) } ?? (model.name, model.path)
    }
  }

  /// The models that the filter lets through.
  static func entries(_ state: State) -> [ModelEntry] {
    state.catalog.models.filter {
      "\($0.name) \($0.path ?? "") \($0.kind)".satisfies(filter: state[ModelScreen.self].filter)
    }
  }

  private static func chosen(_ state: State) -> ModelEntry? {
    let entries = entries(state)
    return entries.indices.contains(state[ModelScreen.self].selected)
      ? entries[state[ModelScreen.self].selected] : nil
  }

  package static func step(_ state: State) -> Step? {
    let isListed = entries(state).contains { isOpen($0, state) }
    if let entry = chosen(state), !isOpen(entry, state), isListed || !state.facts.holdsCandidate {
      if entry.problem != nil { return nil }
      return Step("open \(entry.name)") { state in state.startAnew(LoadJob(path: entry.path)) }
    }
    guard state.facts.model != nil else { return nil }
    if state.facts.holdsCandidate { return .go("compare layer by layer", to: Place.heatmap) }
    return .go("choose what to quantize", to: Place.target)
  }

  /// A model is open: the cursor goes there, so that Enter goes on with it; one whose path was typed is listed from now on.
  package static func heard(_ event: JobEvent, of job: TrackedJob, _ state: inout State) {
    guard case .finished = event, job.isOf(LoadJob.self), let model = state.facts.model else {
      return
    }
    if !state.catalog.models.contains(where: { isOpen($0, state) }) {
      let opened = ModelEntry(name: model.name, path: model.path, kind: "opened")
      state.catalog.models.insert(opened, at: min(1, state.catalog.models.count))
    }
    if !entries(state).contains(where: { isOpen($0, state) }) {
      state[ModelScreen.self].filter = ""
    }
    if let place = entries(state).firstIndex(where: { isOpen($0, state) }) {
      state[ModelScreen.self].selected = place
    }
  }

  package static func standstill(_ state: State) -> String {
    guard let entry = chosen(state) else { return "No model is chosen: o opens a path" }
    return "\(entry.name) cannot be opened: \(entry.problem ?? "it is not whole")"
  }

  private static func isOpen(_ entry: ModelEntry, _ state: State) -> Bool {
    guard let model = state.facts.model else { return false }
    let path = entry.path ?? "built-in"
    return model.path == path || model.against?.path == path
  }

  package static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    state[ModelScreen.self].selected = motion.moved(
      state[ModelScreen.self].selected, count: entries(state).count)
    return []
  }

  package static func draw(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let columns = rect.columns([.fixed(min(52, rect.width * 7 / 20)), .fill()])
    let list = buffer.box(
      "models", in: columns[0], look: look,
      trailing: state[ModelScreen.self].filter.isEmpty
        ? "" : .hint("/\(state[ModelScreen.self].filter)"), isFocused: true)
    drawList(state, in: list, of: &buffer, look: look)
    guard let model = state.facts.model else {
      drawEmpty(state, in: columns[1], of: &buffer, look: look)
      return
    }
    let rows = columns[1].rows([.fixed(min(14, rect.height * 3 / 5)), .fill()])
    ModelFacts(model: model).draw(in: rows[0], of: &buffer, look: look)
    if let stored = model.stored, stored.isQuantized {
      StoredPanel(stored: stored).draw(in: rows[1], of: &buffer, look: look)
    } else {
      WeightBreakdown(model: model).draw(in: rows[1], of: &buffer, look: look)
    }
  }

  private static func drawList(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let entries = entries(state)
    let items = entries.map { entry in
      ItemList.Item(
        StyledText(entry.name) + .hint("  \(entry.kind)"),
        trailing: entry.problem != nil
          ? .bad("\(look.glyphs.fail)")
          : isOpen(entry, state)
            ? .good("\(look.glyphs.pass) open")
            : .dim(entry.fileBytes.map { Quantity.bytes($0) } ?? ""))
    }
    let (top, bottom) = rect.splitBottom(3)
    buffer.draw(
      ItemList(
        items, selected: entries.isEmpty ? nil : state[ModelScreen.self].selected,
        placeholder: .hint(
          state[ModelScreen.self].filter.isEmpty
            ? "No model is listed; o opens a path." : "Nothing matches.")),
      in: top, look: look)
    guard let entry = chosen(state) else { return }
    let text: StyledText =
      entry.problem.map { .bad("\(look.glyphs.fail) \($0)") }
      ?? .hint(entry.path ?? "Comes with the program: nothing to download.")
    buffer.draw(Paragraph(text), in: bottom.inset(top: 1), look: look)
  }

  private static func drawEmpty(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let isLoading = state.jobs.active?.isOf(LoadJob.self)
    let lines: [StyledText] =
      isLoading == true
      ? ["The model is being opened; what it is made of will stand here."]
      : [
        "Which quantization method a model needs depends on the model, on what it is used for, "
          + "and on the machine. It starts with the model.",
        "", .press("Enter", "opens the one that is chosen on the left"),
        .press("o", "opens any other: a Hugging Face directory or a GGUF file"),
        .press("+", "then holds a candidate against it: a file that somebody else has quantized"),
      ]
    buffer.draw(
      EmptyState(isLoading == true ? "Opening" : "No model is open", lines), in: rect, look: look)
  }
}
