/// One of the seven linear layers of a decoder block, in the order of the forward pass.
package enum Projection: String, Hashable, Sendable, Codable, CaseIterable, Comparable {
  case q, k, v, o, gate, up, down

  /// The position in the forward pass.
  package var order: Int {
    switch self {
    case .q: 0
    case .k: 1
    case .v: 2
    case .o: 3
    case .gate: 4
    case .up: 5
    case .down: 6
    }
  }

  package static func < (left: Projection, right: Projection) -> Bool { left.order < right.order }

  /// Those that read the same input as this one.
  package var inputGroup: [Projection] {
    switch self {
    case .q, .k, .v: [.q, .k, .v]
    case .o: [.o]
    case .gate, .up: [.gate, .up]
    case .down: [.down]
    }
  }
}

extension Projection: CustomStringConvertible {
  /// The short name: `q`, `gate`.
  package var description: String { rawValue }
}

/// One of the two norms of a decoder block that feed linear layers.
package enum BlockNorm: String, Hashable, Sendable, Codable, CaseIterable {
  /// Before q, k and v.
  case attention
  /// Before gate and up.
  case feedForward
}

/// A linear layer of a model: block and projection.
package struct LinearID: Hashable, Sendable, Codable, Comparable {
  package var block: Int
  package var projection: Projection

  package init(block: Int, projection: Projection) {
    self.block = block
    self.projection = projection
  }

  package static func < (left: LinearID, right: LinearID) -> Bool {
    (left.block, left.projection) < (right.block, right.projection)
  }
}

extension LinearID: CustomStringConvertible {
  /// As errors and reports name it: `block 3 down`.
  package var description: String { "block \(block) \(projection)" }
}
