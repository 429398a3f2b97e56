/// A clause of a plan's advice with places for the plan's own figures: `"INT8 at \(.int8Rate) and no calibration"`.
package struct PlanSentence: Hashable, Sendable {
  package enum Piece: Hashable, Sendable {
    case words(String)
    case figure(PlanFigure)
  }

  package var pieces: [Piece]
}

/// A figure of a plan that a sentence may name.
package enum PlanFigure: String, Hashable, Sendable, CaseIterable {
  /// Bits a weight may have within the budget, 16 at most.
  case weightBitsThatFit
  /// What all weights take in the form that is spoken of.
  case weightBytes
  /// The share of a request's time that 8-bit weights save.
  case savedByEightBitWeights
  /// The batch from which arithmetic binds decoding.
  case crossoverBatch
  /// Operations a second in BF16.
  case bf16Rate
  /// Operations a second in INT8.
  case int8Rate
  /// Operations a second in FP8; "none" where nothing is known of it.
  case fp8Rate
}

extension PlanSentence: ExpressibleByStringInterpolation {
  package struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var pieces: [Piece] = []

    package init(literalCapacity: Int, interpolationCount: Int) {}

    package mutating func appendLiteral(_ literal: String) {
      if !literal.isEmpty { pieces.append(.words(literal)) }
    }

    package mutating func appendInterpolation(_ figure: PlanFigure) {
      pieces.append(.figure(figure))
    }
  }

  package init(stringLiteral value: String) { pieces = [.words(value)] }

  package init(stringInterpolation: StringInterpolation) { pieces = stringInterpolation.pieces }
}
