/// What the input of a linear layer is turned into before it is multiplied.
package enum ActivationFormat: Hashable, Sendable, Codable {
  /// Rounded to `type` (BF16), or kept (F32).
  case float(type: DType)
  /// INT8 codes: `x = scale * (code - zero)`; the zero is 0 for a symmetric format.
  ///
  /// Symmetric codes lie in -127...127 with `scale = max|x| / 127`, as in vLLM, SmoothQuant and bitsandbytes; the others in
  /// -128...127 with `scale = (max - min) / 255` over a range that holds 0.
  case int8(scaling: ActivationScaling, isSymmetric: Bool)
  /// Symmetric INT8 codes with a scale for every 32 input channels of a token, found at run time: `scale = max|x| / 127`,
  /// kept in float32. For weights in GGUF blocks; llama.cpp's Q8_0 inputs differ in an FP16 scale.
  case int8Blocks
  /// The same with 16 bits, `scale = max|x| / 32639`: finer than BF16 next to the largest input of 32.
  case int16Blocks
  /// 8-bit floats of `type`, E4M3 or E5M2: `scale = max|x| / 448` (57344), clamped, rounded half to even.
  case fp8(type: DType, scaling: ActivationScaling)
  /// LLM.int8(): symmetric INT8, a scale a token, but for the columns whose inputs reach the threshold.
  case int8WithOutliers(OutlierSplit)

  /// Symmetric INT8, one scale a token found at run time.
  package static let int8PerToken = ActivationFormat.int8(scaling: .token, isSymmetric: true)
}

/// How many activations share a scale, and when it is found.
package enum ActivationScaling: Hashable, Sendable, Codable {
  /// One a token, found at run time.
  case token
  /// One for all tokens that are multiplied together, found at run time: results depend on the batch.
  case tensor
  /// One found by calibration; what lies beyond its range is clipped, and counted in the trace.
  case fixed(scale: FixedScale)
}

/// The range a calibration text gave the inputs of a layer.
package struct ActivationRange: Hashable, Sendable, Codable {
  package var lowest: Float
  package var highest: Float

  package init(lowest: Float, highest: Float) {
    self.lowest = lowest
    self.highest = highest
  }

  /// The larger of the two magnitudes.
  package var largestMagnitude: Float { max(lowest.magnitude, highest.magnitude) }
}

/// How LLM.int8() tells outlier columns, and what it multiplies them with (Dettmers et al., arXiv 2208.07339).
package struct OutlierSplit: Hashable, Sendable, Codable {
  /// The weights of outlier columns.
  package enum Form: String, Hashable, Sendable, Codable, CaseIterable {
    /// Kept in full precision next to the INT8 ones (paper, section 3.2).
    case paper
    /// Decoded from the INT8 ones, so that no second copy is held (bitsandbytes without FP16 weights).
    case bitsandbytes
  }

  /// A column with an input of this magnitude or more, of any token in the batch, is an outlier.
  package var threshold: Float
  package var form: Form

  package init(threshold: Float = 6, form: Form = .paper) {
    self.threshold = threshold
    self.form = form
  }
}

extension ActivationFormat: CustomStringConvertible {
  /// The format as people write it: `A16 (BF16)`, `A8 per token`, `A8 static asymmetric`, `A8 per 32 channels`.
  package var description: String {
    switch self {
    case .float(let type): type == .f32 ? "A32" : "A16 (\(type))"
    case .int8(let scaling, let isSymmetric):
      "A8 \(scaling)" + (isSymmetric ? "" : " asymmetric")
    case .int8Blocks: "A8 per 32 channels"
    case .int16Blocks: "A16 (INT16) per 32 channels"
    case .fp8(let type, let scaling): "A8 \(type == .f8e5m2 ? "E5M2" : "E4M3") \(scaling)"
    case .int8WithOutliers(let split): "A8 per token, outliers from \(split.threshold)"
    }
  }
}

extension ActivationScaling: CustomStringConvertible {
  package var description: String {
    switch self {
    case .token: "per token"
    case .tensor: "per tensor"
    case .fixed: "static"
    }
  }
}
