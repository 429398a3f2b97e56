import Models

extension QuantizationTarget {
  /// The target in a sentence.
  var words: String {
    switch self {
    case .weights: "weights"
    case .activations: "activations"
    case .kvCache: "KV cache"
    }
  }

  /// What quantizing it saves.
  var purpose: String {
    switch self {
    case .weights: "less memory and less to read for each decoded token"
    case .activations: "faster arithmetic in prefill, if outliers are handled"
    case .kvCache: "longer contexts and more requests in the same memory"
    }
  }
}
