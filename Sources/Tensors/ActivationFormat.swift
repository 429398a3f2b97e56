/// What the input of a linear layer is turned into before it is multiplied.
package enum ActivationFormat: Hashable, Sendable, Codable {
  /// Rounded to `type` (BF16), or kept (F32).
  case float(type: DType)
  /// Symmetric INT8, one scale a token found at run time: `scale = max|x| / 127`.
  case int8PerToken
}

extension ActivationFormat: CustomStringConvertible {
  /// The format as people write it: `A16 (BF16)`, `A8 per token`.
  package var description: String {
    switch self {
    case .float(let type): type == .f32 ? "A32" : "A16 (\(type))"
    case .int8PerToken: "A8 per token"
    }
  }
}
