/// The role of a linear layer in a decoder block: what it is called in reports, recipes and files.
///
/// Which of them a block has, of which sizes and in which tensors, its `BlockPlan` says. Written as `q`, `down`, and for
/// one expert of a mixture `gate-3` or `up-shared`. Ordered as in the forward pass.
package struct Projection: Hashable, Sendable {
  /// What the layer does, whichever expert it belongs to.
  package enum Kind: UInt8, Hashable, Sendable {
    case q, k, v, o
    /// Scores the experts of a mixture.
    case router
    case gate, up, down
  }

  /// Of a mixture of experts: the one that is chosen under this number, or the one that every token goes through.
  package enum Expert: Hashable, Sendable {
    case number(Int)
    case shared
  }

  package let kind: Kind
  package let expert: Expert?

  package init(_ kind: Kind, of expert: Expert? = nil) {
    self.kind = kind
    self.expert = expert
  }

  package static var q: Projection { Projection(.q) }
  package static var k: Projection { Projection(.k) }
  package static var v: Projection { Projection(.v) }
  package static var o: Projection { Projection(.o) }
  package static var router: Projection { Projection(.router) }
  package static var gate: Projection { Projection(.gate) }
  package static var up: Projection { Projection(.up) }
  package static var down: Projection { Projection(.down) }

  /// The roles people write, for messages: `q, k, v, o, gate, up, down`.
  package static let writtenRoles = "q, k, v, o, gate, up, down"
}

// MARK: What a role is

extension Projection {
  /// The half of the block it belongs to.
  package var half: BlockHalf {
    switch kind {
    case .q, .k, .v, .o: .attention
    case .router, .gate, .up, .down: .feedForward
    }
  }

  /// Whether its input is the residual stream, normalized where a norm opens the half.
  package var readsStream: Bool {
    switch kind {
    case .q, .k, .v, .router, .gate, .up: true
    case .o, .down: false
    }
  }

  /// Whether its output is added to the residual stream.
  package var writesStream: Bool {
    switch kind {
    case .o, .down: true
    case .q, .k, .v, .router, .gate, .up: false
    }
  }

  /// Whether attention multiplies its output with that of another layer: an error there is squared.
  package var formsScores: Bool { kind == .q || kind == .k }

  /// What it reads, where a plan says nothing else.
  package var input: InputPlace {
    switch kind {
    case .q, .k, .v: .attention
    case .o: .attended
    case .router: .feedForward(nil)
    case .gate, .up: .feedForward(expert)
    case .down: .gated(expert)
    }
  }

  /// The roles that read the same input wherever a block has them, this one among them, in order.
  package var siblings: [Projection] {
    switch kind {
    case .q, .k, .v: [.q, .k, .v]
    case .o, .router, .down: [self]
    case .gate, .up: [Projection(.gate, of: expert), Projection(.up, of: expert)]
    }
  }
}

/// One of the two halves of a block, each of which adds to the residual stream.
package enum BlockHalf: Hashable, Sendable, CaseIterable {
  case attention, feedForward
}

/// A tensor inside a block that linear layers read; those that name the same one share an input.
package enum InputPlace: Hashable, Sendable {
  /// The residual stream as attention takes it.
  case attention
  /// What attention yields.
  case attended
  /// The residual stream as the feed-forward layers, or one expert's share of its tokens, take it.
  case feedForward(Projection.Expert?)
  /// What the activation of the feed-forward layers yields.
  case gated(Projection.Expert?)
}

extension Projection: Comparable {
  private var order: (Int, Int, UInt8) {
    switch (kind, expert) {
    case (.q, _), (.k, _), (.v, _), (.o, _), (.router, _): (0, 0, kind.rawValue)
    case (_, nil): (1, 0, kind.rawValue)
    case (_, .number(let number)?): (2, number, kind.rawValue)
    case (_, .shared?): (3, 0, kind.rawValue)
    }
  }

  package static func < (left: Projection, right: Projection) -> Bool { left.order < right.order }
}

// MARK: As text

extension Projection: RawRepresentable {
  /// Reads a role as it is written; nil for what is none.
  package init?(rawValue: String) {
    let parts = rawValue.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    guard let kind = Kind(name: String(parts[0])) else { return nil }
    guard parts.count == 2 else {
      self.init(kind)
      return
    }
    guard [.gate, .up, .down].contains(kind) else { return nil }
    if parts[1] == "shared" {
      self.init(kind, of: .shared)
    } else if let number = Int(parts[1]), number >= 0, "\(number)" == parts[1] {
      self.init(kind, of: .number(number))
    } else {
      return nil
    }
  }

  package var rawValue: String {
    switch expert {
    case nil: kind.name
    case .number(let number)?: "\(kind.name)-\(number)"
    case .shared?: "\(kind.name)-shared"
    }
  }
}

extension Projection.Kind {
  fileprivate var name: String {
    switch self {
    case .q: "q"
    case .k: "k"
    case .v: "v"
    case .o: "o"
    case .router: "router"
    case .gate: "gate"
    case .up: "up"
    case .down: "down"
    }
  }

  fileprivate init?(name: String) {
    let all: [Projection.Kind] = [.q, .k, .v, .o, .router, .gate, .up, .down]
    guard let found = all.first(where: { $0.name == name }) else { return nil }
    self = found
  }
}

extension Projection: CustomStringConvertible {
  /// The short name: `q`, `gate`.
  package var description: String { rawValue }
}

/// Written as the short name.
extension Projection: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let found = Projection(rawValue: text) else {
      throw DecodingError.dataCorruptedError(
        in: container,
        debugDescription: "expected one of \(Self.writtenRoles), found \(text.prefix(40))")
    }
    self = found
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }
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
