import Engine
import Models
import Planning
import Quantization
import TerminalUI
import Wording

/// The recipe as it stands: a line a target, FP where nothing is chosen.
struct RecipePanel: Widget {
  var recipe: Recipe
  var view: MethodScreen.View
  /// The exception under the cursor.
  var exception: Int?
  var baseline = BaselineWords()

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "recipe", in: rect, look: look, trailing: .hint("f back to FP"),
      isFocused: view.pane == .slots)
    let exceptions = recipe.exceptions
    var items = Slot.allCases.map { slot -> ItemList.Item in
      let choice = recipe[slot]
      let text = StyledText(TextLayout.fit(slot.words, to: 12), .dim)
      return ItemList.Item(text + (choice.map { .strong("\($0)") } ?? .hint(asItIs(slot))))
    }
    items += exceptions.enumerated().map { index, exception in
      ItemList.Item(
        StyledText(TextLayout.fit(index == 0 ? "exceptions" : "", to: 12), .dim)
          + .strong("\(exception)"))
    }
    let slots = Slot.allCases
    let (list, foot) = room.splitBottom(1)
    buffer.draw(
      ItemList(
        items, selected: exception.map { slots.count + $0 } ?? slots.firstIndex(of: view.slot)),
      in: list, look: look)
    let note =
      exception != nil
      ? "f takes this exception out"
      : view.slot.target == .kvCache
        ? view.linksCaches ? "K and V alike; = splits them" : "K and V apart; = links them"
        : "the rest stays FP"
    buffer.line(.hint(note), in: foot, look: look)
  }
}

/// The methods there are for the chosen target, each with its sentence.
struct MethodPanel: Widget {
  /// What the filter lets through.
  var methods: [MethodDescription]
  var view: MethodScreen.View
  /// The method that the recipe has here, by name.
  var used: String?
  var chosen: MethodDescription?
  /// What the plan says of the target; nil without a plan.
  var advice: PlanReport.Advice?

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      StyledText("methods for \(view.slot.words)"), in: rect, look: look,
      trailing: view.filter.isEmpty ? "" : .hint("/\(view.filter)"),
      footer: view.slot.target == .activations ? .hint("O: where outliers are, and the lab") : "",
      isFocused: view.pane == .methods)
    let items = methods.map { method in
      ItemList.Item(
        StyledText(method.title) + .hint("  \(method.name)"),
        trailing: method.name == used
          ? .good("\(look.glyphs.pass) in the recipe")
          : method.name == advice?.methods.first ? .accent("advised") : "")
    }
    let summary = chosen.map { place($0) + Self.summary($0) } ?? ""
    let wanted = TextLayout.wrap(summary, to: max(1, room.width)).count + 1
    let (top, bottom) = room.splitBottom(min(wanted, max(0, room.height - 3)))
    buffer.draw(
      ItemList(
        items, selected: methods.isEmpty ? nil : view.selected,
        placeholder: .hint(
          view.filter.isEmpty ? "No method for this target is in this build." : "Nothing matches.")),
      in: top, look: look)
    buffer.draw(Paragraph(summary), in: bottom.inset(top: 1), look: look)
  }

  /// Where the plan puts a method, and why.
  private func place(_ method: MethodDescription) -> StyledText {
    guard let advice, let place = advice.ranking.firstIndex(where: { $0.name == method.name })
    else {
      return ""
    }
    let why = advice.ranking[place].why
    return
      (place == 0
      ? .accent("Advised") : .strong("\(place + 1) of \(advice.ranking.count)"))
      + StyledText(": \(why).\n")
  }

  static func summary(_ method: MethodDescription) -> StyledText {
    StyledText(method.summary) + "\n"
      + .hint(
        method.calibration == .activations
          ? "Looks at activations on calibration text."
          : method.target == .activations
            ? "Needs no calibration text but for scales that are static."
            : "Needs no calibration text: it looks at the weights alone.")
  }
}

/// The options of the chosen method, as a form.
struct OptionPanel: Widget {
  var method: MethodDescription?
  var settings: [Setting]
  /// The option under the cursor, while the form has the keyboard.
  var selected: Int?

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      StyledText(method.map { "options of \($0.title)" } ?? "options"), in: rect, look: look,
      isFocused: selected != nil)
    guard !settings.isEmpty else {
      buffer.line(
        .hint(method == nil ? "Choose a method on the left." : "It has no options."), in: room,
        look: look)
      return
    }
    buffer.draw(
      SettingsForm(settings: settings, selected: selected), in: room, look: look)
  }
}

extension RecipePanel {
  /// What a target is that nothing is chosen for.
  fileprivate func asItIs(_ slot: Slot) -> String {
    slot.target == .weights
      ? baseline.storedAs.map { "as stored, \($0)" } ?? "FP, as it is"
      : "FP, as it is"
  }
}

/// What the recipe costs before it runs, and what is likely to disappoint.
struct PricePanel: Widget {
  var price: AssessReport?
  var hasModel: Bool
  var baseline = BaselineWords()
  /// Whether it is the price of the recipe as it is; else that of the method under the cursor.
  var isInRecipe = true

  /// Rows it would like to have.
  func height(forWidth width: Int) -> Int {
    guard let price, price.problems.isEmpty else { return 4 }
    let look = Look()
    return rows(price, look).count
      + warnings(price, look).reduce(0) { $0 + Paragraph($1).height(forWidth: width) }
  }

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      isInRecipe ? "price, before it runs" : "price of what is under the cursor", in: rect,
      look: look)
    guard let price else {
      buffer.line(
        .hint(hasModel ? "Being worked out." : "Open a model to see a price."),
        in: room, look: look)
      return
    }
    if let problem = price.problems.first {
      buffer.draw(Paragraph(.bad("\(look.glyphs.fail) \(problem)")), in: room, look: look)
      return
    }
    let rows = rows(price, look)
    for (index, fact) in rows.enumerated() {
      let columns = room.row(index).columns([.fixed(9), .fill()], spacing: 1)
      buffer.line(.dim(fact.0), in: columns[0], look: look)
      buffer.line(oneOf: fact.1, in: columns[1], look: look)
    }
    let text = warnings(price, look).enumerated().reduce(StyledText([])) { text, line in
      text + (line.offset > 0 ? "\n" : "") + line.element
    }
    buffer.draw(Paragraph(text), in: room.splitTop(rows.count).rest, look: look)
  }

  /// Names and values, a value in the words that fit, the longest first.
  private func rows(_ price: AssessReport, _ look: Look) -> [(String, [StyledText])] {
    let memory: StyledText = StyledText(
      Quantity.bytes(price.jobBytes ?? price.peakResidentBytes))
    let disk = price.recipe.isBaseline ? nil : price.diskBytes.map { Quantity.bytes($0) }
    return [
      (
        "weights",
        [
          Self.change(
            price.baselineBytes, price.outputBytes, unit: "", of: baseline.short, look: look)
        ]
      ),
      (
        "KV cache",
        [
          Self.change(
            price.baselineKVBytesPerToken, price.kvBytesPerToken, unit: " a token", look: look)
        ]
      ),
      (
        "time",
        [
          price.recipe.isBaseline
            ? .hint("nothing to do")
            : StyledText(
              price.seconds.map { "about " + Quantity.seconds($0) } ?? "unknown")
        ]
      ),
      (
        "memory",
        disk.map { disk in
          [
            memory + .hint(" at most, ") + StyledText(disk)
              + .hint(" of disk with what is kept for a resume"),
            memory + .hint(" at most, ") + StyledText(disk) + .hint(" of disk"),
            memory + .hint(", disk ") + StyledText(disk),
          ]
        } ?? [memory + .hint(" at most")]
      ),
    ] + exports(price)
  }

  /// Which formats can hold the result.
  private func exports(_ price: AssessReport) -> [(String, [StyledText])] {
    guard let exports = price.exports else { return [] }
    let able = exports.filter { $0.problem == nil }.map(\.format).joined(separator: ", ")
    let unable = exports.filter { $0.problem != nil }.map(\.format).joined(separator: ", ")
    let not = unable.isEmpty ? StyledText([]) : .warn(", not \(unable)")
    return [
      (
        "written",
        [.hint("as ") + StyledText(able) + not, StyledText(able) + not, StyledText(able)]
      )
    ]
  }

  private func warnings(_ price: AssessReport, _ look: Look) -> [StyledText] {
    var lines: [StyledText] = (price.warnings ?? []).map {
      .warn("\(look.glyphs.warn) ") + StyledText($0)
    }
    for outlook in price.exports ?? [] {
      guard let words = outlook.words else { continue }
      lines.append(.hint("not \(outlook.format): \(words)"))
    }
    return lines
  }

  /// `16.1 GB → 4.5 GB  28 %`.
  static func change(
    _ before: Int, _ after: Int, unit: String, of whole: String = "FP", look: Look
  ) -> StyledText {
    guard before != after else { return StyledText(Quantity.bytes(after) + unit) }
    let part = before > 0 ? Double(after) / Double(before) : 1
    return StyledText("\(Quantity.bytes(before)) \(look.glyphs.arrow) ")
      + .strong(Quantity.bytes(after)) + StyledText(unit)
      + .hint("  \(Quantity.percent(part)) of \(whole)")
  }
}

/// Which serving runtimes execute the recipe natively, expand it, or refuse it.
struct CoveragePanel: Widget {
  var coverage: [RuntimeCoverage]
  /// Whether the recipe leaves everything as it is.
  var isBaseline: Bool
  var baseline: BaselineWords

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "who runs it", in: rect, look: look, trailing: .hint("native, expanded to FP, refused"))
    guard !coverage.isEmpty else {
      let text =
        isBaseline
        ? (baseline.storedAs == nil ? "Every runtime runs the FP baseline. " : "")
          + "Choose a method to see who runs it."
        : "Not known yet."
      buffer.draw(Paragraph(.hint(text)), in: room, look: look)
      return
    }
    buffer.draw(CoverageRows(coverage: coverage), in: room, look: look)
  }
}
