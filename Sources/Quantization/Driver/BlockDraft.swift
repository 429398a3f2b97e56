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
    /// What it reads; layers with the same place share their input.
    package let input: InputPlace
    /// How errors name it: `block 3 down`.
    package let name: String
    /// The weight as it was when the draft was made: what methods take for full precision.
    package let original: any LinearWeight
    /// The weight as its file stores it, where that is in blocks; methods see the numbers that these stand for.
    package var blocks: BlockWeight?
    /// What will be used; set by a weight method.
    package var weight: any LinearWeight
    /// `[rows]`; changes with the scales of the output.
    package var bias: [Float]?
    package var activation: ActivationFormat
    /// What the recipe says of this layer besides its methods.
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
    /// What the calibration text does not reach, where a method looked.
    package var silent: SilentColumns?

    package init(
      projection: Projection, name: String, weight: any LinearWeight, bias: [Float]? = nil,
      activation: ActivationFormat, treatment: LayerException.Treatment? = nil,
      input: InputPlace? = nil
    ) {
      self.projection = projection
      self.input = input ?? projection.input
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

    /// The type in which the layer is stored where it stays FP and scale is moved into it: that of the source, but float32
    /// for a router, since a rounded score may send a token elsewhere.
    package var floatType: DType {
      projection.kind == .router ? .f32 : (original as? DenseWeight)?.view.dtype ?? .f32
    }

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

  /// The draft of a block as it is; weights that are stored quantized stand as the floating-point numbers that they
  /// stand for, in float32, so that methods see what they see of any model.
  ///
  /// - Throws: `TensorError` for sizes that no tensor has.
  package init(
    _ block: DecoderBlock, index: Int, recipe: Recipe, pool: WorkerPool,
    calibration: BlockCalibration? = nil
  ) throws {
    self.init(
      index: index,
      layers: try block.plan.linears.map { plan in
        let linear = block[plan.role]
        let id = LinearID(block: index, projection: plan.role)
        var layer = Layer(
          projection: plan.role, name: "\(id)", weight: try linear.weight.decoded(),
          bias: linear.bias,
          activation: linear.activation, treatment: recipe.treatment(of: id), input: plan.input)
        layer.blocks = linear.weight as? BlockWeight
        return layer
      }, pool: pool, calibration: calibration)
  }

  /// The layer with a role of the draft.
  package subscript(projection: Projection) -> Layer {
    get { layers[place(of: projection)] }
    set { layers[place(of: projection)] = newValue }
  }

  private func place(of role: Projection) -> Int {
    guard let place = layers.firstIndex(where: { $0.projection == role }) else {
      preconditionFailure("\(role) in a draft of \(layers.map(\.projection))")
    }
    return place
  }

  /// The roles of its layers that share an input, in the order of the forward pass.
  package var inputGroups: [InputGroup] {
    InputGroup.all(of: layers.map { (role: $0.projection, place: $0.input) })
  }

  /// The first of the layers that share an input with this one.
  package func lead(of projection: Projection) -> Projection {
    let input = self[projection].input
    return layers.first { $0.input == input }?.projection ?? projection
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
        layer.weight !== layer.original || layer.activation != old.activation
          || layer.bias != old.bias
      else { continue }
      changed[layer.projection] = try old.replacing(
        weight: layer.weight === layer.original ? nil : layer.weight, bias: layer.bias,
        activation: layer.activation)
    }
    return try block.replacing(changed, norms: norms)
  }
}
