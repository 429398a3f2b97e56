package import Models
package import Quantization

/// How much the weights of the linear layers may take.
package enum WeightBudget: Hashable, Sendable, Codable {
  /// Bits a weight, scales and zero points included.
  case bits(Double)
  /// Bytes of all linear layers.
  case bytes(Int)

  /// Bytes for a model with this many weights in its linear layers.
  package func bytes(weights: Int) -> Int {
    switch self {
    case .bits(let bits): Int(bits * Double(weights) / 8)
    case .bytes(let bytes): bytes
    }
  }
}

/// Bits for each layer under a budget, and whether that was worth it.
package struct AllocationReport: Hashable, Sendable, Codable {
  /// A way to spend bytes, and what came of it.
  package struct Side: Hashable, Sendable, Codable {
    package var name: String
    package var recipe: Recipe
    /// Bytes of the linear layers.
    package var bytes: Int
    package var bitsPerWeight: Double
    /// KL to the baseline, end to end, in nats.
    package var kl: Double
    package var klError: Double
    /// The sum of the layers' own KLs, which the choice was made by; nil for uniform bits.
    package var predictedKL: Double?

    package init(
      name: String, recipe: Recipe, bytes: Int, bitsPerWeight: Double, kl: Double, klError: Double,
      predictedKL: Double? = nil
    ) {
      self.name = name
      self.recipe = recipe
      self.bytes = bytes
      self.bitsPerWeight = bitsPerWeight
      self.kl = kl
      self.klError = klError
      self.predictedKL = predictedKL
    }
  }

  /// One layer's choice.
  package struct Choice: Hashable, Sendable, Codable {
    package var block: Int
    package var projection: Projection
    package var bits: Int
    /// KL of the layer alone at each width, in the order of `widths`.
    package var aloneKL: [Double]

    package init(block: Int, projection: Projection, bits: Int, aloneKL: [Double]) {
      self.block = block
      self.projection = projection
      self.bits = bits
      self.aloneKL = aloneKL
    }
  }

  package var budgetBytes: Int
  package var budgetBits: Double
  /// Widths layers could be given.
  package var widths: [Int]
  package var choices: [Choice]
  /// Mixed bits within the budget.
  package var mixed: Side
  /// The widest uniform bits within the budget.
  package var uniform: Side?
  /// Mixed bits within the bytes of `uniform`, where the budget is larger than those.
  package var mixedAtUniform: Side?
  package var windows: Int
  package var seconds: Double
  /// The model's name, with what was planted in it or rotated.
  package var model: String?

  package init(
    budgetBytes: Int, budgetBits: Double, widths: [Int], choices: [Choice], mixed: Side,
    uniform: Side?, mixedAtUniform: Side?, windows: Int, seconds: Double,
    model: String? = nil
  ) {
    self.model = model
    self.budgetBytes = budgetBytes
    self.budgetBits = budgetBits
    self.widths = widths
    self.choices = choices
    self.mixed = mixed
    self.uniform = uniform
    self.mixedAtUniform = mixedAtUniform
    self.windows = windows
    self.seconds = seconds
  }

  /// The roles of the layers that bits were chosen for, in the order of the forward pass.
  package var roles: [Projection] { Set(choices.map(\.projection)).sorted() }

  /// Whether mixed bits beat uniform bits of the same size, beyond the error bars of the two.
  package var mixedWins: Bool? {
    guard let uniform else { return nil }
    return Self.beats(mixedAtUniform ?? mixed, uniform)
  }

  /// Whether the bytes that a budget leaves above uniform bits make mixed ones better, where they are not at the same
  /// size.
  package var restWins: Bool {
    guard let uniform, mixedWins == false else { return false }
    return Self.beats(mixed, uniform)
  }

  /// What to take: mixed bits, or uniform ones where the budget buys nothing better.
  package var advised: Side {
    guard let uniform, mixedWins == false, !restWins else { return mixed }
    return uniform
  }

  private static func beats(_ side: Side, _ other: Side) -> Bool {
    other.kl - side.kl > (other.klError + side.klError) / 2
  }
}
