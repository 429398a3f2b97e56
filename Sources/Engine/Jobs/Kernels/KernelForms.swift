import Models
import Quantization
import Tensors

/// Forms of a model that between them run every kernel of linear layers and every kind of cache.
struct KernelForms {
  /// One form: what is made of the model, and the cache it runs with.
  struct Form {
    var name: String
    var isCache = false
    var recipe = Recipe.baseline
    /// The cache where no method makes it.
    var cache = KVFormatPair.fp16
    /// Full precision without rounding to BF16.
    var isFloat32 = false
    /// The blocks of GGUF files that the layers of the first block are rounded to.
    var blocks: Blocks?
  }

  /// Weights in blocks, and what they are multiplied with.
  struct Blocks {
    var type: GGUFTensorType
    var inputs: ActivationFormat
  }

  /// Those that a model of this shape has; groups of weights must divide its layers.
  static func all(_ configuration: ModelConfiguration) throws -> [Form] {
    let widths = configuration.block(0).linears.map(\.columns)
    let groups = [128, 64, 32].filter { group in widths.allSatisfy { $0 % group == 0 } }
    return [Form(name: "F32", cache: .fp32, isFloat32: true), Form(name: "BF16")]
      + (try weights(groups)) + (try activations(groups.first ?? -1)) + blocks(widths)
      + (try caches())
  }

  /// Types whose blocks divide the layers.
  private static func blocks(_ widths: [Int]) -> [Form] {
    BlockRounding.types.filter { type in widths.allSatisfy { $0 % type.blockElements == 0 } }
      .flatMap { type in
        [
          Form(name: "\(type)", blocks: Blocks(type: type, inputs: .float(type: .bf16))),
          Form(name: "\(type) A8", blocks: Blocks(type: type, inputs: .int8Blocks)),
          Form(
            name: "\(type) FP8 inputs",
            blocks: Blocks(type: type, inputs: .fp8(type: .f8e4m3, scaling: .token))),
        ]
      }
  }

  private static func weights(_ groups: [Int]) throws -> [Form] {
    var forms = [try form("W8A16", weights: "rtn:8:-1")]
    for group in groups { forms.append(try form("W4A16 g\(group)", weights: "rtn:4:\(group)")) }
    let group = groups.first ?? -1
    forms.append(
      try form("W4A16 zero points", weights: "rtn:4:\(group)", "weights.symmetric=false"))
    forms.append(try form("W4A16 real zeros", weights: "hqq:4:\(groups.last ?? -1)"))
    for bits in [3, 2] { forms.append(try form("W\(bits)A16", weights: "rtn:\(bits):\(group)")) }
    return forms
  }

  private static func activations(_ group: Int) throws -> [Form] {
    var forms: [Form] = []
    for bits in [4, 3, 2] {
      forms.append(
        try form("W\(bits)A8", weights: "rtn:\(bits):\(group)", activations: "int8"))
    }
    forms += [
      try form("W8A8", activations: "int8"),
      try form("W8A8 tensor", activations: "int8", "activations.scaling=tensor"),
      try form("W8A8 static", activations: "int8", "activations.scaling=static"),
      try form("W8A8 zero points", activations: "int8", "activations.symmetric=false"),
      try form("LLM.int8()", activations: "llm.int8", "activations.threshold=3"),
      try form("FP8 E4M3", activations: "fp8"),
      try form("FP8 E5M2", activations: "fp8", "activations.type=e5m2"),
    ]
    return forms
  }

  /// Every method as it stands, and the widths and forms that kernels differ by.
  private static func caches() throws -> [Form] {
    var texts = QuantizationMethods.descriptions(for: .kvCache).map(\.name)
    texts += [
      "int4 rotate=true", "fp8 type=e5m2", "fp8 scale=first", "fp8 scale=one", "kivi:4 window=64",
      "turboquant:3", "turboquant:2", "turboquant:3.5", "turboquant:4 form=prod",
    ]
    return try [
      Form(name: "cache FP32", isCache: true, cache: .fp32),
      Form(name: "cache FP16", isCache: true),
    ]
      + texts.map { text in
        Form(name: "cache \(text)", isCache: true, recipe: try RecipeText.cache(text))
      }
  }

  private static func form(
    _ name: String, weights: String? = nil, activations: String? = nil, _ settings: String...
  ) throws -> Form {
    var recipe = Recipe(
      weights: try weights.map { try RecipeText.choice($0, target: .weights) },
      activations: try activations.map { try RecipeText.choice($0, target: .activations) })
    for setting in settings { try RecipeText.set(setting, in: &recipe) }
    return Form(name: name, recipe: recipe)
  }
}
