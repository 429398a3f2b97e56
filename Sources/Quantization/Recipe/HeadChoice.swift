package import Models
package import Platform
package import Tensors

/// How embedding table and head are coded where they are quantized too: rounded to nearest, symmetric, one scale a group.
///
/// Methods treat the linear layers of the blocks; most recipes leave these two in FP. In a small model they are a good part
/// of the bytes that a decoded token reads. Written as `BITS[:GROUP]`, without a group one scale a row for 8 bits and
/// groups of 128, or the largest of 64 and 32 that divides, for fewer.
package struct HeadChoice: Hashable, Sendable {
  package var bits: Int
  /// Input channels that share a scale, -1 (`channel`) for all of a row; nil for what the width calls for.
  package var group: Int?

  package init(bits: Int, group: Int? = nil) {
    self.bits = bits
    self.group = group
  }

  /// Widths that kernels read.
  package static let widths = [2, 3, 4, 8]

  /// Reads `BITS[:GROUP]`.
  ///
  /// - Throws: `QuantizationError.malformedChoice` that says what was expected.
  package init(_ text: String) throws(QuantizationError) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map {
      Int($0) ?? GroupWord.number($0)
    }
    let group = parts.count == 2 ? parts[1] : nil
    guard let bits = parts[0], Self.widths.contains(bits), parts.count <= 2,
      parts.count == 1 || group == -1 || group.map((32...65536).contains) == true
    else {
      throw .malformedChoice(
        text: text,
        expected: "BITS[:GROUP] with 2, 3, 4 or 8 bits and a group of 32 or more, or channel for "
          + "one scale a row")
    }
    self.init(bits: bits, group: group)
  }

  /// The format for rows of `columns` channels.
  package func format(columns: Int) -> WeightFormat {
    let standard =
      bits == 8 ? -1 : [128, 64, 32].first { columns % $0 == 0 } ?? -1
    let size = group ?? standard
    return WeightFormat(
      code: .integer(bits: bits),
      granularity: size < 0 || size == columns ? .channel : .group(size: size))
  }

  /// Bits of a weight with its share of the scale.
  ///
  /// - Throws: `QuantizationError.groupDoesNotDivide`.
  package func bitsPerWeight(columns: Int) throws(QuantizationError) -> Double {
    let format = format(columns: columns)
    let size = format.groupSize(columns: columns)
    try RoundToNearest.checkGroup(size, columns: columns, layer: "embedding and head")
    return Double(bits) + 16 / Double(size)
  }

  /// The model with embedding table and head rounded; tied ones are rounded once and stay tied.
  ///
  /// - Parameters:
  ///   - activation: what the inputs of the head are turned into.
  ///   - note: told what was done otherwise.
  /// - Throws: `QuantizationError` for a group that does not divide, or a number that is not finite.
  package func applied(
    to model: Model, activation: ActivationFormat, pool: WorkerPool?,
    note: (String) -> Void = { _ in }
  ) throws -> Model {
    let names = model.frame
    func rounded(_ weight: any LinearWeight, _ name: String) throws -> IntegerWeight {
      let outcome = try RoundToNearest.quantize(
        weight, as: format(columns: weight.columns), RoundToNearest.Options(grid: .gptq),
        layer: name, pool: pool)
      if let reason = outcome.fallback { note("\(name): \(reason)") }
      return outcome.weight
    }
    let embedding = try rounded(model.embedding, names.embedding)
    let head =
      model.configuration.tiedEmbeddings ? embedding : try rounded(model.head.weight, names.head)
    return try model.replacing(
      embedding: embedding,
      head: model.head.replacing(weight: head, activation: activation))
  }
}

extension HeadChoice: CustomStringConvertible {
  package var description: String { group.map { "\(bits):" + GroupWord.text($0) } ?? "\(bits)" }
}

/// Written as the text people type.
extension HeadChoice: Codable {
  package init(from decoder: any Decoder) throws {
    try self.init(decoder.singleValueContainer().decode(String.self))
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
