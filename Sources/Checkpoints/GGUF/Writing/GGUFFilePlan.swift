import Platform
import Tensors

/// The tensors of a GGUF file that is written, in their order, each with where its numbers come from.
struct GGUFFilePlan {
  /// One tensor of the file.
  struct Tensor {
    let entry: GGUFWriter.Entry
    fileprivate let source: Source
    fileprivate let change: GGUFTensorNames.Change

    /// Writes it, one piece in memory at a time.
    ///
    /// - Returns: what was lost of a layer, relative; nil for a tensor that is no layer.
    func write(to writer: GGUFWriter, pool: WorkerPool?) throws -> Double? {
      switch source {
      case .layers(let parts):
        var loss = GGUFLayerCoder.Loss()
        for part in parts {
          let order = order(part.weight.rows)
          let coder = GGUFLayerCoder(
            weight: part.weight, form: part.form, importance: part.importance,
            row: { order?[$0] ?? $0 }, pool: pool)
          loss += try coder.write { try writer.write(entry.name, $0) }
        }
        return loss.relative
      case .numbers(let view):
        var floats = try view.floats()
        if let order = order(floats.count) { floats = order.map { floats[$0] } }
        if change == .plusOne { for index in floats.indices { floats[index] += 1 } }
        try writer.write(entry.name, floats: floats)
        return nil
      case .factors(let floats):
        try writer.write(entry.name, floats: floats)
        return nil
      }
    }

    /// Which row of the checkpoint each row of the file holds; nil where both orders are one.
    private func order(_ rows: Int) -> [Int]? {
      guard case .pairedRows(let heads) = change, heads > 0, rows % heads == 0 else { return nil }
      var order = [Int](repeating: 0, count: rows)
      for row in 0..<rows {
        order[GGUFRowOrder.stored(row, headDimension: rows / heads)] = row
      }
      return order
    }
  }

  /// A layer, or one of those that make a tensor together.
  struct Part {
    var weight: any LinearWeight
    var form: GGUFLayerForm
    /// What its inputs count, where an importance matrix says it.
    var importance: [Float]?
  }

  fileprivate enum Source {
    case layers([Part])
    /// A vector.
    case numbers(TensorView)
    case factors([Float])
  }

  private(set) var tensors: [Tensor] = []

  /// - Parameter turns: the plain type that matrices which are no layers become, too.
  /// - Throws: `CheckpointError.unsupported` for a tensor that the format has no place for, `.missing` for a part that is not
  ///   there.
  init(
    _ artifact: Artifact, _ facts: ModelFacts, _ places: GGUFTensorPlaces, forms: [GGUFLayerForm],
    turns type: GGUFTensorType?, path: String
  ) throws {
    var joined = GGUFJoinedLayers(path: path)
    for (layer, form) in zip(artifact.layers, forms) {
      guard let place = try Self.place(layer.name + ".weight", places, path: path) else { continue }
      let part = Part(
        weight: layer.weight, form: form,
        importance: try Self.importance(
          artifact.importance, place, form, columns: layer.weight.columns))
      guard place.joining != nil else {
        try add(place, part)
        continue
      }
      if let (shape, parts) = try joined.take(part, at: place) {
        try add(place, parts, shape)
      }
    }
    try joined.end()
    for (name, view) in artifact.others {
      guard let place = try Self.place(name, places, path: path) else { continue }
      if view.shape.rank == 2 {
        let weight = try DenseWeight(view)
        let form =
          type?.plain == nil
          ? GGUFLayerForm(keeping: weight.format, columns: weight.columns)
          : GGUFLayerForm(turning: type ?? .f16, columns: weight.columns)
        try add(place, Part(weight: weight, form: form))
      } else {
        tensors.append(
          Tensor(
            entry: .init(name: place.name, type: .f32, shape: view.shape),
            source: .numbers(view), change: place.change))
      }
    }
    var factors: [(String, [Float])] = []
    if let own = facts.rotaryFactors { factors.append((GGUFFile.rotaryFactors, own)) }
    if let long = facts.rotaryLong,
      facts.source?.tensor(GGUFFile.longFactors) != nil || facts.source == nil
    {
      factors += [(GGUFFile.longFactors, long.long), (GGUFFile.shortFactors, long.short)]
    }
    for (name, numbers) in factors {
      tensors.append(
        Tensor(
          entry: .init(name: name, type: .f32, shape: try Shape(checking: [numbers.count])),
          source: .factors(numbers), change: .none))
    }
  }

  private mutating func add(_ place: GGUFTensorPlaces.Place, _ part: Part) throws {
    try add(place, [part], Shape(checking: [part.weight.rows, part.weight.columns]))
  }

  private mutating func add(
    _ place: GGUFTensorPlaces.Place, _ parts: [Part], _ shape: Shape
  ) throws {
    tensors.append(
      Tensor(
        entry: .init(name: place.name, type: parts[0].form.type, shape: shape),
        source: .layers(parts), change: place.change))
  }

  /// What the inputs of a layer count; nil where its form asks for no search, and for a table that the matrix leaves out,
  /// as llama-imatrix does without being told otherwise.
  ///
  /// - Throws: `CheckpointError` for a layer that the matrix does not know, or in another size.
  static func importance(
    _ matrix: ImportanceMatrix?, _ place: GGUFTensorPlaces.Place, _ form: GGUFLayerForm,
    columns: Int
  ) throws(CheckpointError) -> [Float]? {
    guard let matrix, form.isSearched else { return nil }
    let isOfExperts = place.joining == .experts
    let matrices = isOfExperts ? place.parts : 1
    if let weights = try matrix.weights(of: place.name, columns: columns, matrices: matrices) {
      let part = isOfExperts ? place.part : 0
      return Array(weights[part * columns..<(part + 1) * columns])
    }
    guard place.name.hasPrefix("blk.") else { return nil }
    throw matrix.missing(place.name)
  }

  /// Where a tensor goes; nil for what can be worked out again.
  ///
  /// - Throws: `CheckpointError.unsupported` for one that the format has no place for.
  static func place(
    _ name: String, _ places: GGUFTensorPlaces, path: String
  ) throws(CheckpointError) -> GGUFTensorPlaces.Place? {
    if let place = places[name] { return place }
    // Tables that old checkpoints carry along, and factors that are written of what the model says.
    let again = [GGUFFile.rotaryFactors, GGUFFile.longFactors, GGUFFile.shortFactors]
    if name.hasSuffix(".rotary_emb.inv_freq") || again.contains(name) { return nil }
    throw .unsupported(
      file: path, item: "tensor \(name)", found: "a tensor that the format has no name for",
      known: "known are the layers and norms of the family")
  }
}

/// Layers that make one tensor together, gathered until all parts are there.
private struct GGUFJoinedLayers {
  let path: String
  private var waiting: [String: [GGUFFilePlan.Part?]] = [:]

  init(path: String) { self.path = path }

  /// Takes a part.
  ///
  /// - Returns: shape and parts of the whole once all are there, of one type: the widest of them.
  mutating func take(
    _ part: GGUFFilePlan.Part, at place: GGUFTensorPlaces.Place
  ) throws -> (shape: Shape, parts: [GGUFFilePlan.Part])? {
    waiting[place.name, default: .init(repeating: nil, count: place.parts)][place.part] = part
    guard let found = waiting[place.name], !found.contains(where: { $0 == nil }) else { return nil }
    waiting[place.name] = nil
    var parts = found.compactMap(\.self)
    func bits(_ type: GGUFTensorType) -> Double {
      Double(type.blockBytes) / Double(type.blockElements)
    }
    let (rows, columns) = (parts.map(\.weight.rows), parts[0].weight.columns)
    guard let widest = parts.map(\.form.type).max(by: { bits($0) < bits($1) }),
      parts.allSatisfy({ $0.weight.columns == columns })
    else { return nil }
    for index in parts.indices where parts[index].form.type != widest {
      parts[index].form = GGUFLayerForm(turning: widest, columns: columns)
    }
    let all = rows.reduce(0, +)
    let shape =
      place.joining == .experts
      ? try Shape(checking: [parts.count, all / parts.count, columns])
      : try Shape(checking: [all, columns])
    return (shape, parts)
  }

  /// - Throws: `CheckpointError.missing` for parts that never came.
  func end() throws(CheckpointError) {
    guard let (name, parts) = waiting.min(by: { $0.key < $1.key }),
      let part = parts.firstIndex(where: { $0 == nil })
    else { return }
    throw .missing(file: path, item: "part \(part) of tensor \(name)", nearest: nil)
  }
}
