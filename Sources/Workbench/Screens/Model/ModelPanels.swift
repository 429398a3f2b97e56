import Engine
import Models
import TerminalUI
import Wording

/// What the open model is: architecture, sizes, dtypes, and what a token of context costs.
struct ModelFacts: Widget {
  var model: ModelSummary

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      StyledText(model.label), in: rect, look: look,
      trailing: .hint(
        model.against != nil ? "candidate" : model.isOriginal ? model.path : "quantized"))
    for (index, fact) in facts.prefix(room.height).enumerated() {
      let row = room.row(index).columns([.fixed(13), .fill()], spacing: 1)
      buffer.line(.dim(fact.name), in: row[0], look: look)
      buffer.line(fact.value, in: row[1], look: look)
    }
  }

  private var facts: [(name: String, value: StyledText)] {
    let shape = model.shape
    let context =
      shape.slidingWindow > 0
      ? ", attention looks back \(Quantity.grouped(shape.slidingWindow))" : ""
    var facts: [(String, StyledText)] = []
    if let base = model.against {
      facts.append(("against", .strong(base.name) + .hint("  \(model.baseline.long)")))
      facts += base.notes.map { note -> (String, StyledText) in ("", .warn(note)) }
    } else if model.storedAs != nil {
      facts.append(("reference", .strong("itself") + .hint("  \(model.baseline.long)")))
    }
    facts += [
      ("architecture", "\(shape.architecture), \(shape.blocks) blocks"),
      (
        "parameters",
        .strong(Quantity.short(Double(shape.parameters)))
          + .hint("  " + types)
      ),
      ("on disk", .strong(Quantity.bytes(model.fileBytes)) + .hint("  \(model.tensors) tensors")),
      ("width", "\(shape.hiddenSize), feed-forward \(shape.intermediateSize)"),
      ("heads", "\(shape.heads) of \(shape.headDimension), \(shape.kvHeads) for keys and values"),
      (
        "vocabulary",
        StyledText(Quantity.grouped(shape.vocabularySize))
          + .hint("  \(model.tokenizer)\(shape.tiedEmbeddings ? ", tied embeddings" : "")")
      ),
      ("context", StyledText("\(Quantity.grouped(shape.context)) tokens") + .hint(context)),
      ("KV cache", .strong(Quantity.bytes(model.kvBytesPerToken)) + " a token at 16 bits"),
      ("", .hint(formula)),
    ]
    if let recipe = model.recipe { facts.append(("recipe", StyledText(recipe))) }
    return facts
  }

  private var types: String {
    model.parametersByType.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map { "\($0.key) \(Quantity.short(Double($0.value)))" }.joined(separator: ", ")
  }

  /// Where the bytes of a token come from.
  private var formula: String {
    let shape = model.shape
    return "= \(shape.blocksWithCache) blocks × \(shape.kvHeads) heads × \(shape.headDimension) × "
      + "(K + V) × 2 bytes"
  }
}

/// Which parts of the model the parameters are in: what weight methods can shrink, and what stays.
struct WeightBreakdown: Widget {
  var model: ModelSummary

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box("where the weights are", in: rect, look: look)
    let shape = model.shape
    let whole = max(1, Double(shape.parameters))
    let queries = Double(shape.heads * shape.headDimension)
    let cached = Double(shape.kvHeads * shape.headDimension)
    let attention =
      Double(shape.blocks) * Double(shape.hiddenSize) * (2 * queries + 2 * cached)
    let forward = Double(shape.blockLinearParameters) - attention
    let tables = Double(shape.embeddingParameters * (shape.tiedEmbeddings ? 1 : 2))
    func bar(_ name: String, _ count: Double, _ role: Role) -> BarChart.Bar {
      BarChart.Bar(
        StyledText(name), value: count,
        text: StyledText(Quantity.short(count)) + .hint(" " + Quantity.percent(count / whole)),
        role: role)
    }
    let (chart, rest) = room.splitTop(4)
    buffer.draw(
      BarChart([
        bar("feed-forward", forward, .series1), bar("attention", attention, .series1),
        bar("embeddings", tables, .series6),
        bar("norms", Double(shape.normParameters), .series6),
      ]), in: chart, look: look)
    let share = (forward + attention) / whole
    buffer.draw(
      Paragraph(
        .hint(
          "Weight methods shrink the linear layers of the blocks: \(Quantity.percent(share)) of "
            + "this model. Embeddings, the output head and norms stay at 16 bits.")),
      in: rest.inset(top: 1), look: look)
  }
}

/// What the weights are stored as, role by role: a label such as Q4_K_M is a mix.
struct StoredPanel: Widget {
  var stored: StoredTypes

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let bits = "\(Quantity.fixed(stored.bits, 2)) bits a weight"
    let room = buffer.box(
      "what it is stored as", in: rect, look: look,
      trailing: .hint(stored.label.map { "called \($0)" } ?? ""))
    let (head, rest) = room.splitTop(1)
    let shares = stored.shares.map { share in
      "\(share.type) "
        + Quantity.percent(Double(share.parameters) / Double(max(1, stored.parameters)))
    }
    buffer.line(
      .strong("\(bits): ") + StyledText(shares.joined(separator: ", ")), in: head, look: look)
    let rows = stored.roles.sorted { ($1.bytes, $0.name) < ($0.bytes, $1.name) }.map {
      role -> [StyledText] in
      [
        StyledText(role.name),
        StyledText(
          role.shares.map { $0.tensors == 1 ? $0.type : "\($0.type) × \($0.tensors)" }
            .joined(separator: ", ")),
        .strong(Quantity.fixed(role.bits, 2)), .dim(Quantity.bytes(role.bytes)),
      ]
    }
    buffer.draw(
      Table(
        [
          Table.Column("role", widest: 28), Table.Column("types"), Table.Column("bits", .right),
          Table.Column("bytes", .right),
        ], rows: rows), in: rest, look: look)
  }
}
