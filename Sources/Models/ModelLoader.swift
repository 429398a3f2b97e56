import Checkpoints
import Operators
import Platform
import Tensors

extension Model {
  /// Opens a model in Hugging Face's layout: `config.json` and safetensors.
  ///
  /// Every tensor is checked against the configuration; weights stay mapped. Layers that are stored quantized come as they
  /// are stored, their inputs as those of other layers.
  /// - Throws: `CheckpointError`, `ModelError`: what was expected, what was found, and where.
  package static func load(directory path: String, precision: BaselinePrecision = .bf16) throws
    -> Model
  {
    let directory = try ModelDirectory(path: path)
    let config = try QuantizedLayouts.completed(
      ConfigFile(path: directory.path(of: "config.json")), in: directory)
    let checkpoint = try Checkpoint(path: path)
    let configuration = try ModelConfiguration(config, of: checkpoint)
    guard let layout = try QuantizedLayouts.open(checkpoint, config: config) else {
      return try load(
        configuration, from: CheckpointSource(checkpoint), precision: precision)
    }
    return try load(
      configuration, from: LayoutSource(checkpoint, layout: layout), precision: precision)
  }

  /// Puts a model together from a configuration and a source of tensors.
  ///
  /// - Throws: `ModelError.unknownArchitecture`, `.unexpectedTensors`, and what the source throws
  /// for
  ///   tensors that are missing or have another shape.
  package static func load(
    _ configuration: ModelConfiguration, from source: some WeightSource,
    precision: BaselinePrecision = .bf16
  ) throws -> Model {
    guard let architecture = Architectures.named(configuration.modelType) else {
      throw ModelError.unknownArchitecture(
        file: source.path, found: configuration.modelType, known: Architectures.modelTypes)
    }
    let plans = (0..<configuration.blocks).map { architecture.block(configuration, $0) }
    try refuseWhatIsNotRun(plans, file: source.path)
    let frame = architecture.frame(configuration)
    if let naming = TensorNaming(frame, has: source.has) {
      return try load(
        configuration, from: RenamedSource(source: source, naming: naming), precision: precision)
    }
    var loader = ModelLoader(frame: frame, source: source, precision: precision)
    let table = try loader.weight(
      frame.embedding, rows: configuration.vocabularySize, columns: configuration.hiddenSize)
    let positions = try frame.positions.map {
      try loader.weight($0.name, rows: $0.rows, columns: configuration.hiddenSize)
    }
    let blocks = try plans.map { try loader.block($0) }
    let finalNorm = try loader.norm(frame.finalNorm)
    let head: any LinearWeight
    var configuration = configuration
    if configuration.tiedEmbeddings, try !loader.storesAnotherHead(configuration) {
      head = table
      // Some writers store the shared table a second time.
      loader.used.insert(frame.head)
    } else {
      configuration.tiedEmbeddings = false
      head = try loader.weight(
        frame.head, rows: configuration.vocabularySize, columns: configuration.hiddenSize)
    }
    try loader.refuseUnexpected()
    let storedType =
      try (table as? DenseWeight)?.view.dtype
      ?? source.tensor(
        frame.finalNorm.name, shape: Shape(checking: [configuration.hiddenSize])
      ).dtype
    return Model(
      configuration: configuration, frame: frame, precision: precision, embedding: table,
      positions: positions, storedType: storedType, blocks: blocks, finalNorm: finalNorm,
      head: Linear(
        name: LinearPlan.layer(of: frame.head), weight: head, activation: precision.activation),
      rotary: RotaryTables(plans))
  }

  /// What an architecture describes but nothing runs yet is refused by name, never computed otherwise.
  private static func refuseWhatIsNotRun(_ plans: [BlockPlan], file: String) throws {
    for (index, plan) in plans.enumerated() {
      var reason = plan.notRun
      // Caches have one shape for all layers.
      if plan.attention.kvHeads != plans[0].attention.kvHeads
        || plan.attention.headDimension != plans[0].attention.headDimension
      {
        reason = "blocks whose heads differ"
      }
      guard let reason else { continue }
      throw ModelError.unsupported(
        file: file, field: "block \(index)", found: reason, known: "they are not run yet")
    }
  }
}

/// Takes tensors from a source and remembers which.
private struct ModelLoader<Source: WeightSource> {
  let frame: FramePlan
  let source: Source
  let precision: BaselinePrecision
  var used: Set<String> = []

  mutating func floats(_ name: String, _ count: Int) throws -> [Float] {
    used.insert(name)
    let values = try source.tensor(name, shape: Shape(checking: [count])).floats()
    if let column = values.firstIndex(where: { !$0.isFinite }) {
      throw ModelError.notFinite(tensor: name, row: 0, column: column, value: values[column])
    }
    return values
  }

  /// Whether a head is stored that is not the embedding table, whatever the configuration says: a fine-tuned one.
  func storesAnotherHead(_ configuration: ModelConfiguration) throws -> Bool {
    guard frame.head != frame.embedding, source.has(frame.head), source.has(frame.embedding) else {
      return false
    }
    let (rows, columns) = (configuration.vocabularySize, configuration.hiddenSize)
    let head = try source.weight(frame.head, rows: rows, columns: columns)
    let table = try source.weight(frame.embedding, rows: rows, columns: columns)
    // Some rows at a time: both tables in float32 may be larger than the memory.
    let slab = 512
    try HeapMemory.expect(2 * slab * columns, of: MemoryLayout<Float>.stride)
    var values = [Float](repeating: 0, count: 2 * slab * columns)
    return values.withUnsafeMutableBufferPointer { values in
      guard let first = values.baseAddress else { return false }
      let second = first + slab * columns
      return stride(from: 0, to: rows, by: slab).contains { start in
        let part = start..<min(start + slab, rows)
        head.dequantize(rows: part, into: first)
        table.dequantize(rows: part, into: second)
        return (0..<part.count * columns).contains { first[$0] != second[$0] }
      }
    }
  }

  mutating func weight(_ name: String, rows: Int, columns: Int) throws -> any LinearWeight {
    used.insert(name)
    return try source.weight(name, rows: rows, columns: columns)
  }

  mutating func norm(_ plan: NormPlan) throws -> NormWeight {
    let stored = try floats(plan.name, plan.width)
    return NormWeight(
      plan, stored: stored, bias: plan.hasBias ? try floats(plan.biasName, plan.width) : nil)
  }

  mutating func block(_ plan: BlockPlan) throws -> DecoderBlock {
    var norms: [BlockNorm: NormWeight] = [:]
    for place in plan.normPlaces {
      if let norm = plan[place] { norms[place] = try self.norm(norm) }
    }
    var linears: [Projection: Linear] = [:]
    for linear in plan.linears { linears[linear.role] = try self.linear(linear) }
    let sinks = try plan.attention.sinks.map {
      AttentionSinks(try floats($0, plan.attention.heads))
    }
    return try DecoderBlock(plan: plan, linears: linears, norms: norms, sinks: sinks)
  }

  mutating func linear(_ plan: LinearPlan) throws -> Linear {
    var bias: [Float]?
    let weight: any LinearWeight
    switch plan.storage {
    case .expert(let expert) where !source.has(plan.name + ".weight"):
      weight = try joined(expert, plan)
      if plan.hasBias { bias = try joinedBias(expert, plan) }
    case .own, .expert:
      weight = try self.weight(plan.name + ".weight", rows: plan.rows, columns: plan.columns)
      if plan.hasBias {
        if case .expert(let expert) = plan.storage, !source.has(plan.name + ".bias") {
          bias = try joinedBias(expert, plan)
        } else {
          bias = try unchecked(plan.name + ".bias", plan.rows)
        }
      }
    case .transposed:
      let name = plan.name + ".weight"
      used.insert(name)
      weight =
        try source.quantized(
          name, total: plan.rows, columns: plan.columns, part: 0..<plan.rows)
        ?? DenseWeight(
          source.tensor(name, shape: Shape(checking: [plan.columns, plan.rows])).transposed())
      if plan.hasBias { bias = try unchecked(plan.name + ".bias", plan.rows) }
    case .rows(let shared, let first, let total):
      let name = shared + ".weight"
      used.insert(name)
      weight = try source.weight(
        name, total: total, columns: plan.columns, part: first..<first + plan.rows)
      if plan.hasBias {
        bias = Array(try unchecked(shared + ".bias", total)[first..<first + plan.rows])
      }
    case .columns(let shared, let first, let total):
      let name = shared + ".weight"
      used.insert(name)
      let part = first..<first + plan.rows
      weight =
        try source.quantized(name, total: total, columns: plan.columns, part: part)
        ?? DenseWeight(
          source.tensor(name, shape: Shape(checking: [plan.columns, total])).transposed()
            .rows(part))
      if plan.hasBias {
        bias = Array(try unchecked(shared + ".bias", total)[first..<first + plan.rows])
      }
    }
    return Linear(name: plan.name, weight: weight, bias: bias, activation: precision.activation)
  }

  /// One expert's layer of a tensor that holds those of all, inputs first.
  private mutating func joined(
    _ expert: LinearPlan.Expert, _ plan: LinearPlan
  ) throws -> any LinearWeight {
    used.insert(expert.tensor)
    let (columns, total) = (plan.columns, expert.total)
    let all = try source.tensor(
      expert.tensor, shape: Shape(checking: [expert.count, columns, total]))
    let rows = try all.reshaped(Shape(checking: [expert.count * columns, total]))
      .rows(expert.number * columns..<(expert.number + 1) * columns)
    return try DenseWeight(
      rows.transposed().everyRow(from: expert.first, step: expert.step, count: plan.rows))
  }

  private mutating func joinedBias(
    _ expert: LinearPlan.Expert, _ plan: LinearPlan
  ) throws -> [Float] {
    let name = expert.tensor + "_bias"
    used.insert(name)
    let all = try source.tensor(name, shape: Shape(checking: [expert.count, expert.total]))
    let row = try all.floats(rows: expert.number..<expert.number + 1)
    return (0..<plan.rows).map { row[expert.first + $0 * expert.step] }
  }

  /// A bias, whose numbers are looked at when the layer is quantized.
  private mutating func unchecked(_ name: String, _ count: Int) throws -> [Float] {
    used.insert(name)
    return try source.tensor(name, shape: Shape(checking: [count])).floats()
  }

  func refuseUnexpected() throws {
    let unexpected = source.names.filter { name in
      !used.contains(name) && !frame.ignoredEndings.contains { name.hasSuffix($0) }
    }
    guard unexpected.isEmpty else {
      throw ModelError.unexpectedTensors(
        file: source.path, names: Array(unexpected.prefix(4)), count: unexpected.count)
    }
  }
}
