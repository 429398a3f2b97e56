package import Tensors

/// What only a method for weights or activations knows of itself: the forms it makes, and where it stands in a plan.
///
/// Declared on the method's type and handed to a plan as data, so that a plan ranks methods it knows no name of.
package struct MethodTraits: Hashable, Sendable {
  /// One form a method makes: what a layer is stored and computed in.
  package struct Form: Hashable, Sendable {
    /// Whether the form is chosen for its bits, and not for its arithmetic.
    package var isAboutBits: Bool
    /// How weights are stored; runtimes and kernels are asked about this.
    package var weights: WeightFormat
    /// What inputs of layers are turned into; nil where they stay FP.
    package var activations: ActivationFormat?

    package init(
      isAboutBits: Bool = false, weights: WeightFormat, activations: ActivationFormat? = nil
    ) {
      self.isAboutBits = isAboutBits
      self.weights = weights
      self.activations = activations
    }

    /// 4-bit codes in groups with a 16-bit scale each: with a fixed zero point the smallest form plans advise.
    package static func fourBits(
      group: Int = 128, zeroPoint: WeightFormat.ZeroPoint = .fixed
    ) -> Form {
      Form(
        isAboutBits: true,
        weights: WeightFormat(
          code: .integer(bits: 4), granularity: .group(size: group), zeroPoint: zeroPoint))
    }

    /// 8-bit codes with a scale a row.
    package static let eightBits = Form(
      isAboutBits: true, weights: WeightFormat(code: .integer(bits: 8), granularity: .channel))

    /// 8-bit codes of weights and of inputs, whose products are summed in integers.
    package static func int8(_ activations: ActivationFormat = .int8PerToken) -> Form {
      Form(
        weights: WeightFormat(code: .integer(bits: 8), granularity: .channel),
        activations: activations)
    }
  }

  /// Where the method stands among those for its target in one situation, and why.
  package struct Claim: Hashable, Sendable {
    /// All of them must hold; none for a claim that holds always.
    package var when: [PlanSituation]
    /// The method with the highest rank comes first; those of the same rank in the order of their list.
    package var rank: Double
    package var form: Form
    /// What it is good or bad at here, one clause.
    package var why: PlanSentence
    /// What would change its place, one clause.
    package var wouldChange: PlanSentence

    package init(
      when: PlanSituation..., rank: Double, form: Form, why: PlanSentence,
      wouldChange: PlanSentence
    ) {
      self.when = when
      self.rank = rank
      self.form = form
      self.why = why
      self.wouldChange = wouldChange
    }
  }

  /// The first whose situations hold counts; the last one holds always.
  package var claims: [Claim]

  package init(_ claims: Claim...) { self.claims = claims }

  /// Every form a claim is about, each once, in the order of the claims.
  package var forms: [Form] {
    claims.map(\.form).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }
}

/// What a plan can tell apart.
package enum PlanSituation: String, Hashable, Sendable, CaseIterable {
  /// Fewer bits a weight fit than 4-bit codes with their scales take, but some do.
  case fewerThanFourBitsFit
  /// 8-bit weights fit.
  case eightBitsFit
  /// 8-bit weights fit, and fewer bits would save hardly more time.
  case eightBitsDo
  /// The machine multiplies INT8 faster than BF16.
  case int8IsFaster
  /// Nothing is known of FP8 arithmetic on the machine.
  case noFP8Arithmetic
  /// The machine multiplies FP8 no slower than INT8.
  case fp8KeepsUpWithInt8
  /// Weights do not fit in 16 bits, and a prompt is not bound by arithmetic.
  case memoryBeforeTime
}
