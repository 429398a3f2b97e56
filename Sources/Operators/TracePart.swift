/// What dispatch does with an object, where that alone does not tell; elementwise operators are one each.
enum TracePart: Int32 {
  case linear, ordinaryColumns, outlierColumns
  case attention, cacheAppend, cacheSettle
  case rmsNorm, addRMSNorm, headRMSNorm, rope, swiglu, add
  case layerNorm, activation, multiply, softCap

  /// As operators and kernels of a part are named.
  var words: String {
    switch self {
    case .linear, .ordinaryColumns, .outlierColumns: "linear"
    case .attention: "attention"
    case .cacheAppend: "cache append"
    case .cacheSettle: "cache settle"
    case .rmsNorm: "rms_norm"
    case .addRMSNorm: "add_rms_norm"
    case .headRMSNorm: "head_rms_norm"
    case .rope: "rope"
    case .swiglu: "swiglu"
    case .add: "add"
    case .layerNorm: "layer_norm"
    case .activation: "activation"
    case .multiply: "multiply"
    case .softCap: "soft_cap"
    }
  }
}
