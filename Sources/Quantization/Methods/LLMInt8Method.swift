package import Models
package import Tensors

/// LLM.int8(): INT8 weights and activations, but for the input channels where an activation stands out.
///
/// Dettmers et al., arXiv 2208.07339 (see `LLMInt8`). Which channels those are is found for each batch when it runs, so
/// nothing is calibrated, and results depend on the batch. In the paper's form they meet the weights in full precision,
/// which are kept in addition to the INT8 ones; in bitsandbytes' they meet the INT8 ones decoded. Weights that another method has
/// shaped keep their form, and are decoded for outliers.
package struct LLMInt8Method: QuantizationMethod {
  package static let describes = MethodDescription(
    name: "llm.int8", title: "LLM.int8()",
    summary:
      "INT8 except for input channels that stand out, which are multiplied in floating point.",
    target: .activations, calibration: .none,
    options: [threshold.spec, form.spec],
    aliases: ["llm.int8()", "llm-int8", "llmint8", "llm_int8", "bnb", "bitsandbytes"])

  package static let threshold = OptionKey<Double>(
    "threshold", "magnitude that makes an input channel an outlier; 0 for none at all", in: 0...1e6,
    standard: 6, aliases: ["llm_int8_threshold", "int8_threshold"])
  static let form = OptionKey<OutlierSplit.Form>(
    "form", "outliers meet the full weights (paper), or INT8 ones decoded (bitsandbytes)",
    standard: .paper)

  package static let traits = MethodTraits(
    .init(
      when: .memoryBeforeTime, rank: 3.5, form: .int8(.int8WithOutliers(.init())),
      why: "keeps outlier columns in BF16, which holds accuracy and costs time in every pass",
      wouldChange: "accuracy that SmoothQuant does not hold, or memory that matters more than time"),
    .init(
      rank: 1.5, form: .int8(.int8WithOutliers(.init())),
      why: "keeps outlier columns in BF16, which holds accuracy and costs time in every pass",
      wouldChange: "accuracy that SmoothQuant does not hold, or memory that matters more than time")
  )

  private static let weights = WeightFormat(code: .integer(bits: 8), granularity: .channel)

  private let threshold: Float
  private let form: OutlierSplit.Form

  package init(options: OptionValues) {
    threshold = Float(options[Self.threshold])
    form = options[Self.form]
  }

  package func quantize(_ draft: inout BlockDraft) throws {
    for index in draft.layers.indices where !draft.layers[index].staysFloat {
      let layer = draft.layers[index]
      var split = OutlierSplit(threshold: threshold, form: form)
      if layer.isQuantized {
        split.form = .bitsandbytes
      } else {
        let format = layer.format(Self.weights)
        // The recipe may want fewer bits of this layer.
        let codes =
          format == Self.weights
          ? try LLMInt8.quantize(layer.weight, layer: layer.name, pool: draft.pool)
          : try RoundToNearest.quantize(
            layer.weight, as: format, .init(grid: .absmax, scaleType: .f32), layer: layer.name,
            pool: draft.pool
          ).weight
        if form == .paper, format.bits == 8, threshold > 0, let full = layer.weight as? DenseWeight
        {
          draft.layers[index].weight = try SplitWeight(codes: codes, full: full)
        } else {
          split.form = .bitsandbytes
          draft.layers[index].weight = codes
        }
        draft.layers[index].method = Self.describes.name
      }
      if split.form != form, threshold > 0 {
        draft.layers[index].note("outliers meet decoded weights: there are none in full precision")
      }
      draft.layers[index].activation = threshold > 0 ? .int8WithOutliers(split) : .int8PerToken
    }
  }
}

extension OutlierSplit.Form: OptionChoice {}
