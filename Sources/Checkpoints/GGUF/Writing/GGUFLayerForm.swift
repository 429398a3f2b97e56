package import Tensors

/// The block type that a layer is written in, and whether its codes go in as they are.
///
/// Codes of a symmetric grid are those of Q4_0, Q5_0 and Q8_0 with the middle moved, those of a grid with zero points those
/// of Q4_1 and Q5_1 with the minimum `-scale * zero`; a scale of more than 32 channels is repeated. Scales and minima are
/// FP16: where one is not, the written numbers differ, which is measured.
package struct GGUFLayerForm: Hashable, Sendable {
  package var type: GGUFTensorType
  /// Whether codes are moved over; otherwise numbers are rounded again.
  package var keepsCodes: Bool

  /// Whether numbers are rounded under scales that are searched, in which an importance matrix has a say.
  package var isSearched: Bool { !keepsCodes && GGUFBlockWriter.weightedTypes.contains(type) }

  /// The form that loses least of what a recipe has made.
  package init(keeping format: WeightFormat, columns: Int) {
    switch format.code {
    case .float(.f32): self.init(.f32)
    case .float(.f16): self.init(.f16)
    case .float: self.init(.bf16)
    case .block(let type): self.init(type, keepsCodes: true)
    case .scaledFloat, .decoded: self.init(.q8_0)
    case .integer(let bits):
      let size = format.groupSize(columns: columns)
      let fits = columns % 32 == 0 && size % 32 == 0
      switch (bits, format.isSymmetric) {
      case (...4, true): self.init(.q4_0, keepsCodes: fits)
      case (5, true): self.init(.q5_0, keepsCodes: fits)
      case (_, true): self.init(.q8_0, keepsCodes: fits)
      case (...4, false): self.init(.q4_1, keepsCodes: fits)
      case (5, false): self.init(.q5_1, keepsCodes: fits)
      default: self.init(.q8_0)
      }
    }
    if columns % type.blockElements != 0 { self.init(.f16) }
  }

  /// Numbers turned into a type; rows that are no whole blocks of it take the type that llama.cpp gives them.
  package init(turning type: GGUFTensorType, columns: Int) {
    var type = type
    let next: [GGUFTensorType: GGUFTensorType] = [
      .q2K: .iq4NL, .q3K: .iq4NL, .iq4XS: .iq4NL, .q4K: .q5_0, .q5K: .q5_1, .q6K: .q8_0,
      .nvfp4: .mxfp4,
    ]
    while columns % type.blockElements != 0 { type = next[type] ?? .f16 }
    self.init(type)
  }

  private init(_ type: GGUFTensorType, keepsCodes: Bool = false) {
    self.type = type
    self.keepsCodes = keepsCodes
  }
}
