import Checkpoints
import Models
import Platform
import Tensors

/// One quantized block as a safetensors file: the layers that changed, the norms, what was found.
struct BlockFile {
  /// What `state.json` says of a block.
  struct Note: Codable {
    var file: String
    /// Its place in the model, which the file says too.
    var index: Int
    var byteCount: Int
    /// Of all bytes of the file.
    var checksum: String
    var record: QuantizedBlock.Record
    var layers: [Layer]

    /// How a layer that changed is stored.
    struct Layer: Codable {
      var projection: Projection
      var format: WeightFormat
      var activation: ActivationFormat
      /// Whether the weight is the original's.
      var keepsWeight: Bool
      /// Whether the full weight next to INT8 codes is the original's; nil where there is none.
      var keepsFull: Bool?
    }
  }

  let folder: String
  let note: Note

  // MARK: Writing

  /// Writes the file whole.
  static func write(
    _ made: QuantizedBlock, index: Int, over original: DecoderBlock, folder: String, name: String
  ) throws -> BlockFile {
    var tensors = Tensors()
    var layers: [Note.Layer] = []
    for projection in original.roles {
      let (old, new) = (original[projection], made.block[projection])
      let keepsWeight = new.weight === old.weight
      let keepsFull = (new.weight as? SplitWeight).map { $0.full === old.weight }
      if !keepsWeight {
        try tensors.add(new.weight, "\(projection)", addsFull: keepsFull == false)
      }
      if let bias = new.bias, bias != old.bias { try tensors.add(bias, "\(projection).bias") }
      guard !keepsWeight || new.activation != old.activation else { continue }
      layers.append(
        .init(
          projection: projection, format: new.weight.format, activation: new.activation,
          keepsWeight: keepsWeight, keepsFull: keepsFull))
    }
    for norm in original.plan.normPlaces where made.block[norm].values != original[norm].values {
      try tensors.add(made.block[norm].values, "norm.\(norm.rawValue)")
    }
    for (projection, scales) in made.scales {
      if let input = scales.input { try tensors.add(input, "\(projection).input") }
      if let output = scales.output { try tensors.add(output, "\(projection).output") }
    }
    for (projection, maxima) in made.absoluteMaxima {
      try tensors.add(maxima, "\(projection).maxima")
    }
    let written = try tensors.write(to: folder + "/" + name, index: index).file
    return BlockFile(
      folder: folder,
      note: Note(
        file: name, index: index, byteCount: written.byteCount,
        checksum: "\(written.checksum)", record: made.record, layers: layers))
  }

  /// Tensors on their way to a file.
  private struct Tensors {
    private enum Content {
      case floats([Float])
      case bytes([UInt8])
      case shared(SharedBytes)
      case view(TensorView)
    }

    private var items: [(entry: SafetensorsWriter.Entry, content: Content)] = []

    mutating func add(_ values: [Float], _ name: String) throws {
      let shape = try Shape(checking: [values.count])
      items.append((.init(name: name, dtype: .f32, shape: shape), .floats(values)))
    }

    /// - Parameter addsFull: whether the full weight next to INT8 codes is written.
    /// - Throws: `QuantizationError.cannotKeep` for a form that no method makes.
    mutating func add(_ weight: any LinearWeight, _ name: String, addsFull: Bool = false) throws {
      if let split = weight as? SplitWeight {
        try add(split.codes, name)
        if addsFull { try add(split.full, name) }
      } else if let scaled = weight as? ScaledFloatWeight {
        items.append(
          (
            .init(
              name: name + ".codes", dtype: .u8,
              shape: try Shape(checking: [scaled.rows, scaled.columns])), .shared(scaled.codes)
          ))
        try add(scaled.scales, name + ".scales")
      } else if let integer = weight as? IntegerWeight {
        items.append(
          (
            .init(
              name: name + ".codes", dtype: .u8,
              shape: try Shape(checking: [integer.rows, integer.rowBytes])),
            .shared(integer.unsignedCodes)
          ))
        try add(integer.scales, name + ".scales")
        if !integer.realZeros.isEmpty { try add(integer.realZeros, name + ".real_zeros") }
        if !integer.zeros.isEmpty {
          items.append(
            (
              .init(
                name: name + ".zeros", dtype: .u8,
                shape: try Shape(checking: [integer.zeros.count])), .bytes(integer.zeros)
            ))
        }
      } else if let dense = weight as? DenseWeight {
        items.append(
          (
            .init(name: name + ".dense", dtype: dense.view.dtype, shape: dense.view.shape),
            .view(dense.view)
          ))
      } else {
        throw QuantizationError.cannotKeep(layer: name, format: "\(weight.format)")
      }
    }

    func write(to path: String, index: Int) throws -> SafetensorsFile {
      let writer = try SafetensorsWriter(
        path: path, entries: items.map(\.entry), metadata: [BlockFile.indexKey: "\(index)"])
      for item in items {
        switch item.content {
        case .floats(let values): try writer.write(item.entry.name, values)
        case .bytes(let values): try writer.write(item.entry.name, values)
        case .shared(let bytes):
          try bytes.withUnsafeBytes { try writer.write(item.entry.name, $0) }
        case .view(let view): try writer.write(item.entry.name, view.bytes)
        }
      }
      try writer.commit()
      return try SafetensorsFile(path: path)
    }
  }

  // MARK: Reading

  /// Opens the file over the block it was made from.
  ///
  /// - Throws: `QuantizationError.checkpointDamaged` for a file that is not the one that was written.
  func read(over original: DecoderBlock) throws -> QuantizedBlock {
    let file = try SafetensorsFile(path: folder + "/" + note.file)
    try check(file)
    let stored = Dictionary(file.tensors.map { ($0.name, $0) }) { first, _ in first }
    func floats(_ name: String) throws -> [Float]? { try stored[name]?.view().floats() }
    var changed: [Projection: Linear] = [:]
    for layer in note.layers {
      let old = original[layer.projection]
      changed[layer.projection] = try old.replacing(
        weight: layer.keepsWeight ? nil : weight(layer, over: old.weight, stored),
        bias: floats("\(layer.projection).bias"), activation: layer.activation)
    }
    var norms: [BlockNorm: [Float]] = [:]
    for norm in original.plan.normPlaces { norms[norm] = try floats("norm.\(norm.rawValue)") }
    var scales: [Projection: LayerScales] = [:]
    var maxima: [Projection: [Float]] = [:]
    for projection in original.roles {
      let found = LayerScales(
        input: try floats("\(projection).input"), output: try floats("\(projection).output"))
      if !found.isIdentity { scales[projection] = found }
      maxima[projection] = try floats("\(projection).maxima")
    }
    return QuantizedBlock(
      block: try original.replacing(changed, norms: norms), record: note.record,
      absoluteMaxima: maxima, scales: scales)
  }

  /// The key of the block's place in the metadata of its file.
  private static let indexKey = "block"

  /// Throws for a file that is not the one that was written, or that holds what no method makes.
  private func check(_ file: SafetensorsFile) throws {
    func damaged(_ expected: String, _ found: String) -> QuantizationError {
      .checkpointDamaged(
        folder: folder, reason: "\(note.file): expected \(expected), found \(found)")
    }
    guard file.file.byteCount == note.byteCount else {
      throw damaged("\(note.byteCount) bytes", "\(file.file.byteCount)")
    }
    let index = file.metadata[Self.indexKey] ?? "none"
    guard index == "\(note.index)" else { throw damaged("block \(note.index)", "block \(index)") }
    for tensor in file.tensors where tensor.dtype.isFloat {
      let values = try tensor.view().floats()
      if let place = values.firstIndex(where: { !$0.isFinite }) {
        throw damaged("finite values in \(tensor.name)", "\(values[place]) at \(place)")
      }
    }
    let checksum = "\(file.file.checksum)"
    guard checksum == note.checksum else {
      throw damaged("the checksum \(note.checksum)", "\(checksum)")
    }
  }

  private func weight(
    _ layer: Note.Layer, over original: any LinearWeight, _ stored: [String: StoredTensor]
  ) throws -> any LinearWeight {
    let (rows, columns) = (original.rows, original.columns)
    func tensor(_ part: String) throws -> StoredTensor {
      guard let found = stored["\(layer.projection).\(part)"] else {
        throw QuantizationError.checkpointDamaged(
          folder: folder,
          reason: "\(note.file): expected tensor \(layer.projection).\(part), found none")
      }
      return found
    }
    if layer.format.isFloat { return try DenseWeight(tensor("dense").view()) }
    if case .scaledFloat = layer.format.code {
      return try ScaledFloatWeight(
        format: layer.format, rows: rows, columns: columns,
        codes: SharedBytes(tensor("codes").view()), scales: tensor("scales").view().floats())
    }
    let codes = try IntegerWeight(
      format: layer.format, rows: rows, columns: columns,
      codes: SharedBytes(tensor("codes").view()), scales: tensor("scales").view().floats(),
      zeros: layer.format.zeroPoint == .integer ? Array(tensor("zeros").view().bytes) : [],
      realZeros: layer.format.zeroPoint == .real ? tensor("real_zeros").view().floats() : [])
    guard let keepsFull = layer.keepsFull else { return codes }
    guard let full = try keepsFull ? original as? DenseWeight : DenseWeight(tensor("dense").view())
    else {
      throw QuantizationError.checkpointDamaged(
        folder: folder,
        reason: "\(note.file): expected a floating-point original of \(layer.projection)")
    }
    return try SplitWeight(codes: codes, full: full)
  }
}
