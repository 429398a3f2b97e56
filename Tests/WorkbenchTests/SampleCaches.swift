import Engine
import Evaluation
import Models
import Quantization

/// A made-up comparison of caches, as the engine would give it.
enum SampleCaches {
  /// Bits of a value by the method's name.
  private static func bits(_ choice: MethodChoice?) -> Double {
    guard let method = choice?.method else { return 16 }
    return method == "int8" ? 8.5 : 4.5
  }

  /// Errors that grow towards the last block; keys twice the values.
  private static func map(keys: Double, values: Double) -> CacheErrorMap {
    func table(_ error: Double) -> [[Double]] {
      (0..<SampleRun.blocks).map { layer in
        (0..<SampleRun.shape.kvHeads).map { head in
          error * (1 + Double(layer) / 8 + Double(head * 3 % 4) / 4)
        }
      }
    }
    return CacheErrorMap(
      scores: table(keys / 4), scoreShift: table(keys), keys: table(keys), values: table(values),
      both: table((keys + values) * 0.75), probes: 64)
  }

  static func row(_ recipe: Recipe, _ options: CacheOptions) -> CacheReport.Row {
    let (key, value) = (bits(recipe.keys), bits(recipe.values))
    let isReference = recipe.isBaseline
    let kl = isReference ? 0 : (16 - key) * (16 - key) / 8192 + (16 - value) / 4096
    let divergence = DivergenceReport(
      mean: kl, error: kl / 32, median: kl / 2, p90: kl * 2, p95: kl * 3, p99: kl * 8, max: kl * 40)
    let name =
      isReference
      ? "FP16"
      : recipe.keys == recipe.values
        ? recipe.keys?.method.uppercased() ?? ""
        : "K \(recipe.keys?.method ?? "FP16"), V \(recipe.values?.method ?? "FP16")"
    return CacheReport.Row(
      name: name, recipe: recipe, isReference: isReference,
      bytesPerToken: Int(
        Double(SampleRun.shape.blocks * SampleRun.shape.kvHeads * 64) * (key + value) / 8),
      resident: CacheResidence(sequences: 4, length: 640, bytes: 640 * 4 * 8200),
      keyBits: key, valueBits: value, perplexity: Estimate(mean: 4.25 + kl, error: 0.0625),
      kl: divergence, topOne: Estimate(mean: 1 - kl * 2, error: 0.003),
      buckets: [(256, 512), (512, 1024), (1024, 1280)].map { first, end in
        CacheReport.Bucket(
          first: first, end: end, tokens: (end - first) * 4,
          perplexity: Estimate(mean: 4.25 + kl, error: 0.125),
          kl: Estimate(mean: kl * Double(end) / 1024, error: kl / 16),
          topOne: Estimate(mean: 1 - kl * 2, error: 0.006))
      },
      recall: RecallReport(depths: [
        .init(depth: 1024, questions: 8, baselineCorrect: 8, quantizedCorrect: isReference ? 8 : 7),
        .init(depth: 2048, questions: 8, baselineCorrect: 7, quantizedCorrect: 7),
      ]),
      divergence: FirstDivergence(
        tokens: options.generate,
        first: isReference
          ? [nil, nil, nil, nil] : key > 8 ? [nil, nil, 21, nil] : [9, 14, 3, nil]),
      map: isReference
        ? map(keys: 0, values: 0) : map(keys: 1 / (key * key * 2), values: 1 / (value * value * 4)))
  }

  static func facts(_ options: CacheOptions) -> CacheReport.Facts {
    CacheReport.Facts(
      model: SampleRun.summary.name, text: "the built-in evaluation text", depth: 256, tokens: 1024,
      step: 1, windows: options.windows, recallText: "the built-in recall documents")
  }

  static func report(_ options: CacheOptions) -> CacheReport {
    CacheReport(
      facts: facts(options), options: options,
      rows: ([.baseline] + options.caches).map { row($0, options) }, seconds: 42)
  }
}
