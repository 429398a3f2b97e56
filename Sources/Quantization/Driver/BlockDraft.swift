package import Models
package import Platform
package import Tensors

/// One decoder block while it is being quantized.
///
/// Methods run one after the other on the same draft: one that shapes the weights sees what the one before
/// it left, and what all of them prepared.
package struct BlockDraft {
  /// One linear layer of the block.
  package struct Layer {
    package let projection: Projection
    /// How errors name it: `block 3 down`.
    package let name: String
    /// The weight as it was when the draft was made.
    package let original: any LinearWeight
    /// What will be used; set by a weight method.
    package var weight: any LinearWeight
    /// `[rows]`; changes with the scales of the output.
    package var bias: [Float]?
    package var activation: ActivationFormat
    /// What the recipe says of this layer beside its methods.
    package let treatment: LayerException.Treatment?
    /// What methods moved between this layer and its neighbours.
    package var scales = LayerScales()
    /// The method that shaped the weight, for the report; empty while it is as it was.
    package var method = ""
    /// Why it was not quantized as asked, if so.
    package var fallback: String?
    /// The method's own sum of errors, where it has one.
    package var rawLoss: Double?
    package var curve: SearchCurve?

    package init(
      projection: Projection, name: String, weight: any LinearWeight, bias: [Float]? = nil,
      activation: ActivationFormat, treatment: LayerException.Treatment? = nil
    ) {
      self.projection = projection
      self.name = name
      original = weight
      self.weight = weight
      self.bias = bias
      self.activation = activation
      self.treatment = treatment
    }

    /// Whether a method has already chosen the form of the weight.
    package var isQuantized: Bool { !weight.format.isFloat }
    /// Whether the recipe keeps the layer in FP.
    package var staysFloat: Bool { treatment == .fp }

    /// A method's format with the bits the recipe gives this layer.
    package func format(_ format: WeightFormat) -> WeightFormat {
      guard case .bits(let bits)? = treatment else { return format }
      var own = format
      own.code = .integer(bits: bits)
      return own
    }
  }

  package let index: Int
  /// In the order of the forward pass: all of a block, or a layer by itself.
  package var layers: [Layer]
  /// Norms that methods changed, `[hidden]`.
  package var norms: [BlockNorm: [Float]] = [:]
  package let pool: WorkerPool
  /// The steps of the methods and their times.
  package let clock = StepClock()
  /// What the calibration text sends into the block; nil without one.
  package let calibration: BlockCalibration?
  /// Whether formats alone are asked for: what calibration would find counts as found.
  package var isOutline = false

  package init(
    index: Int, layers: [Layer], pool: WorkerPool, calibration: BlockCalibration? = nil
  ) {
    self.index = index
    self.layers = layers
    self.pool = pool
    self.calibration = calibration
  }

  /// The draft of a block as it is.
  package init(
    _ block: DecoderBlock, index: Int, recipe: Recipe, pool: WorkerPool,
    calibration: BlockCalibration? = nil
  ) {
    self.init(
      index: index,
      layers: Projection.allCases.map { projection in
        let linear = block[projection]
        let id = LinearID(block: index, projection: projection)
        return Layer(
          projection: projection, name: "\(id)", weight: linear.weight, bias: linear.bias,
          activation: linear.activation, treatment: recipe.treatment(of: id))
      }, pool: pool, calibration: calibration)
  }

  package subscript(projection: Projection) -> Layer {
    get { layers[place(of: projection)] }
    set { layers[place(of: projection)] = newValue }
  }

  private func place(of projection: Projection) -> Int {
    guard let place = layers.firstIndex(where: { $0.projection == projection }) else {
      preconditionFailure("the draft of block \(index) has no layer \(projection)")
    }
    return place
  }

  /// The layers there are, in the order of the forward pass; those that share their input together.
  package var inputGroups: [[Projection]] {
    layers.map(\.projection).reduce(into: []) { groups, projection in
      if let last = groups.last?.first, projection.inputGroup.contains(last) {
        groups[groups.count - 1].append(projection)
      } else {
        groups.append([projection])
      }
    }
  }

  /// Runs the methods of a recipe: first all prepare, then all quantize.
  ///
  /// - Throws: what the methods throw; the draft is then not used.
  package mutating func run(_ methods: [any QuantizationMethod]) throws {
    for method in methods { try method.prepare(&self) }
    for method in methods { try method.quantize(&self) }
  }

  /// The block with the draft's weights, biases, formats and norms; layers that are as they were are shared.
  ///
  /// - Throws: `ModelError.weightShape` for a weight of another size.
  package func drafted(from block: DecoderBlock) throws -> DecoderBlock {
    var changed: [Projection: Linear] = [:]
    for layer in layers {
      let old = block[layer.projection]
      guard
        layer.weight !== old.weight || layer.activation != old.activation || layer.bias != old.bias
      else { continue }
      changed[layer.projection] = try old.replacing(
        weight: layer.weight, bias: layer.bias, activation: layer.activation)
    }
    return try block.replacing(changed, norms: norms)
  }
}
