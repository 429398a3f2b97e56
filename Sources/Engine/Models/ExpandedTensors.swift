import Models
import Tensors
import Wording

/// Tensors that an artifact holds as floating-point numbers because no format has the form they are stored in.
///
/// What a recipe leaves of a GGUF file, or of a checkpoint in a form that is only decoded, becomes the numbers it stands
/// for: in BF16 or FP16 where these hold every one, else in float32.
struct ExpandedTensors {
  private struct Kind: Hashable {
    var form: String
    var type: DType
  }

  private var counts: [Kind: (tensors: Int, bytes: Int)] = [:]

  /// A weight as formats know it.
  ///
  /// - Throws: `TensorError` for sizes that no tensor has.
  mutating func writable(_ weight: any LinearWeight) throws -> any LinearWeight {
    guard weight is BlockWeight || weight is DecodedWeight else { return weight }
    let exact = try weight.exact()
    note("\(weight.format)", as: exact.view.dtype, byteCount: exact.byteCount)
    return exact
  }

  /// - Parameters:
  ///   - form: what it is stored as.
  ///   - type: what it is written as, `byteCount` bytes of it.
  mutating func note(_ form: String, as type: DType, byteCount: Int) {
    let known = counts[Kind(form: form, type: type)] ?? (0, 0)
    counts[Kind(form: form, type: type)] = (known.tensors + 1, known.bytes + byteCount)
  }

  /// What became of them, a sentence a form and type.
  var sentences: [String] {
    counts.sorted { ($0.key.form, $0.value.bytes) < ($1.key.form, $1.value.bytes) }.map {
      kind, found in
      let some = found.tensors == 1 ? "1 tensor" : "\(found.tensors) tensors"
      let why =
        kind.type == .f32
        ? "float32, since neither BF16 nor FP16 holds every number"
        : "\(kind.type), which holds every number"
      return "\(some) in \(kind.form) that the recipe leaves: written in \(why); "
        + "\(Quantity.bytes(found.bytes)) in all."
    }
  }
}
