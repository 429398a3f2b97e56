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
      case .layer(let weight, let form):
        let order = order(weight.rows)
        let coder = GGUFLayerCoder(
          weight: weight, form: form, row: { order?[$0] ?? $0 }, pool: pool)
        return try coder.write { try writer.write(entry.name, $0) }.relative
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

  fileprivate enum Source {
    case layer(any LinearWeight, GGUFLayerForm)
    /// A vector.
    case numbers(TensorView)
    case factors([Float])
  }

  let tensors: [Tensor]

  /// - Parameter turns: the plain type that matrices which are no layers become, too.
  /// - Throws: `CheckpointError.unsupported` for a tensor that the format has no place for.
  init(
    _ artifact: Artifact, _ facts: ModelFacts, _ places: GGUFTensorPlaces, forms: [GGUFLayerForm],
    turns type: GGUFTensorType?, path: String
  ) throws {
    var tensors: [Tensor] = []
    func place(_ name: String) throws -> GGUFTensorPlaces.Place? {
      try Self.place(name, places, path: path)
    }
    func add(_ place: GGUFTensorPlaces.Place, _ weight: any LinearWeight, _ form: GGUFLayerForm)
      throws
    {
      tensors.append(
        Tensor(
          entry: .init(
            name: place.name, type: form.type,
            shape: try Shape(checking: [weight.rows, weight.columns])),
          source: .layer(weight, form), change: place.change))
    }
    for (layer, form) in zip(artifact.layers, forms) {
      if let place = try place(layer.name + ".weight") { try add(place, layer.weight, form) }
    }
    for (name, view) in artifact.others {
      guard let place = try place(name) else { continue }
      if view.shape.rank == 2 {
        let weight = try DenseWeight(view)
        let form =
          type?.plain == nil
          ? GGUFLayerForm(keeping: weight.format, columns: weight.columns)
          : GGUFLayerForm(turning: type ?? .f16, columns: weight.columns)
        try add(place, weight, form)
      } else {
        tensors.append(
          Tensor(
            entry: .init(name: place.name, type: .f32, shape: view.shape),
            source: .numbers(view), change: place.change))
      }
    }
    if let factors = facts.rotaryFactors {
      tensors.append(
        Tensor(
          entry: .init(
            name: GGUFFile.rotaryFactors, type: .f32, shape: try Shape(checking: [factors.count])),
          source: .factors(factors), change: .none))
    }
    self.tensors = tensors
  }

  /// Where a tensor goes; nil for what can be worked out again.
  ///
  /// - Throws: `CheckpointError.unsupported` for one that the format has no place for.
  static func place(
    _ name: String, _ places: GGUFTensorPlaces, path: String
  ) throws(CheckpointError) -> GGUFTensorPlaces.Place? {
    if let place = places[name] { return place }
    // Tables that old checkpoints carry along.
    if name.hasSuffix(".rotary_emb.inv_freq") || name == GGUFFile.rotaryFactors { return nil }
    throw .unsupported(
      file: path, item: "tensor \(name)", found: "a tensor that the format has no name for",
      known: "known are the layers and norms of the family")
  }
}
