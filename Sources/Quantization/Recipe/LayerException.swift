package import Models

/// A layer that is treated otherwise than its recipe says: with other bits, or left in FP.
///
/// Written as `LAYERS=BITS` or `LAYERS=fp`, where `LAYERS` is `BLOCK.PROJECTION` with a number, a range or `*` for
/// the block and a name or `*` for the projection: `5.down=fp`, `*.v=8`, `0-1.*=4`.
package struct LayerException: Hashable, Sendable {
  /// What is done with the layer instead.
  package enum Treatment: Hashable, Sendable {
    case fp
    case bits(Int)
  }

  /// nil for all blocks.
  package var blocks: ClosedRange<Int>?
  /// nil for all projections.
  package var projection: Projection?
  package var treatment: Treatment

  package init(blocks: ClosedRange<Int>?, projection: Projection?, treatment: Treatment) {
    self.blocks = blocks
    self.projection = projection
    self.treatment = treatment
  }

  /// The exception for one layer.
  package init(_ id: LinearID, _ treatment: Treatment) {
    self.init(blocks: id.block...id.block, projection: id.projection, treatment: treatment)
  }

  /// Widths a layer can be given.
  package static let widths = [2, 3, 4, 8]

  /// Reads `LAYERS=BITS`.
  ///
  /// - Throws: `QuantizationError.malformedChoice` that says what was expected.
  package init(_ text: String) throws(QuantizationError) {
    let refusal = QuantizationError.malformedChoice(
      text: text,
      expected: "BLOCK.PROJECTION=BITS with a number, a range or * for the block, one of "
        + Projection.writtenRoles
        + " or * for the projection, and fp, 2, 3, 4 or 8 for the bits")
    let sides = text.split(separator: "=", omittingEmptySubsequences: false)
    let place = (sides.first ?? "").split(separator: ".", omittingEmptySubsequences: false)
    guard sides.count == 2, place.count == 2 else { throw refusal }
    if place[0] != "*" {
      let ends = place[0].split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
      guard ends.count <= 2, let first = ends[0], let last = ends[ends.count - 1], first >= 0,
        first <= last
      else { throw refusal }
      blocks = first...last
    }
    if place[1] != "*" {
      guard let found = Projection(rawValue: String(place[1])) else { throw refusal }
      projection = found
    }
    if sides[1] == "fp" {
      treatment = .fp
    } else {
      guard let bits = Int(sides[1]), Self.widths.contains(bits) else { throw refusal }
      treatment = .bits(bits)
    }
  }

  /// Whether the exception speaks of this layer: `down` of those of all experts, `*` of all but routers.
  package func covers(_ id: LinearID) -> Bool {
    (blocks.map { $0.contains(id.block) } ?? true)
      && (projection.map { $0 == id.projection || $0 == Projection(id.projection.kind) }
        ?? (id.projection.kind != .router))
  }
}

extension LayerException: CustomStringConvertible {
  package var description: String {
    let block =
      blocks.map {
        $0.lowerBound == $0.upperBound
          ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)"
      } ?? "*"
    let treatment =
      switch treatment {
      case .fp: "fp"
      case .bits(let bits): "\(bits)"
      }
    return "\(block).\(projection?.rawValue ?? "*")=\(treatment)"
  }
}

/// Written as the text people type.
extension LayerException: Codable {
  package init(from decoder: any Decoder) throws {
    try self.init(decoder.singleValueContainer().decode(String.self))
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
