package import Models
package import Operators
package import Serving
import Wording

/// Seconds of a step by the limits of a machine alone: the least it can take.
///
/// Operators run one after the other, and each takes the longer of reading and multiplying:
///
///     linear    = max(bytes of weights / bandwidth, 2 x parameters x tokens / rate)
///     head      = max(bytes of the head / bandwidth, 2 x parameters of the head x rows / BF16 rate)
///     attention = max(bytes of cache read / bandwidth, 4 x heads x channels x tokens read / BF16 rate)
///     exchange  = 2 x blocks x (latency + 2 (N - 1) / N x tokens x hidden x 2 bytes / link)
///
/// Of N machines that split the tensors each reads and multiplies one part of N. A decoded token reads the cache of its own
/// sequence; tokens of a prompt read theirs once for each tile of 64. A mixture of experts reads those that the tokens of a
/// step reach, a share 1 - (1 - a)^tokens where one token reaches the share a.
package struct RoofStepCost: Sendable {
  package let model: ModelShape
  package let peaks: MachinePeaks
  package let form: ServedForm
  package let split: TensorSplit

  /// Tokens of a prompt that read the cache together.
  private static let tile = 64.0

  package init(
    model: ModelShape, peaks: MachinePeaks, form: ServedForm, split: TensorSplit = .none
  ) {
    self.model = model
    self.peaks = peaks
    self.form = form
    self.split = split
  }

  /// The parts of a step, in seconds.
  package struct Parts: Hashable, Sendable, Codable {
    package var linear: Double
    package var head: Double
    package var attention: Double
    package var exchange: Double

    package var seconds: Double { linear + head + attention + exchange }
  }

  package func seconds(_ step: ServingStep) -> Double { parts(step).seconds }

  package func parts(_ step: ServingStep) -> Parts {
    let ways = Double(max(1, split.ways))
    let (tokens, rows) = (Double(step.tokens), Double(step.rows))
    func longer(_ bytes: Double, _ operations: Double, _ rate: Double) -> Double {
      max(bytes / peaks.readBandwidth, operations / rate) / ways
    }
    let active = Double(model.activeLinearParameters)
    let share = active / Double(max(1, model.blockLinearParameters))
    let reached = share < 1 ? 1 - Self.power(1 - share, step.tokens) : 1
    let table = Double(model.embeddingParameters)
    return Parts(
      linear: longer(form.linearBytes * reached, 2 * active * tokens, form.rate),
      head: longer(table * form.tableBits / 8, 2 * table * rows, peaks.bf16Rate),
      attention: attention(step, longer), exchange: exchange(tokens, ways))
  }

  private func attention(
    _ step: ServingStep, _ longer: (Double, Double, Double) -> Double
  ) -> Double {
    func read(_ tokens: Int, _ sum: Double) -> Double {
      tokens > 0 ? Double(tokens) * model.tokensRead(depth: sum / Double(tokens)) : 0
    }
    let decoded = read(step.decodes, step.decodeReads)
    let prompts = read(step.chunkTokens, step.chunkReads)
    let bytes = 2 * Double(model.kvHeads * model.headDimension) * form.cacheBits / 8
    let operations = 4 * Double(model.heads * model.headDimension)
    return longer(
      (decoded + prompts / min(Self.tile, Double(max(1, step.chunkTokens)))) * bytes,
      (decoded + prompts) * operations, peaks.bf16Rate)
  }

  private func exchange(_ tokens: Double, _ ways: Double) -> Double {
    guard ways > 1, split.link > 0 else { return 0 }
    let bytes = 2 * (ways - 1) / ways * tokens * Double(model.hiddenSize) * 2
    return 2 * Double(model.blocks) * (split.latency + bytes / split.link)
  }

  private static func power(_ base: Double, _ exponent: Int) -> Double {
    var (result, base, exponent) = (1.0, base, exponent)
    while exponent > 0 {
      if exponent & 1 == 1 { result *= base }
      base *= base
      exponent >>= 1
    }
    return result
  }

  /// The formula with this machine's and this model's numbers, for one step.
  package func explanation(of step: ServingStep) -> [String] {
    let parts = parts(step)
    let bandwidth = Quantity.rate(peaks.readBandwidth, "B/s")
    let table = Double(model.embeddingParameters)
    var lines = [
      "\(form.name): a step of \(Quantity.grouped(step.decodes)) sequences that read "
        + "\(Quantity.short(step.decodeReads)) cached tokens, and \(Quantity.grouped(step.chunkTokens)) tokens of prompts",
      "  linear    \(Quantity.seconds(parts.linear)) = max(\(Quantity.bytes(form.linearBytes)) / \(bandwidth), "
        + "2 x \(Quantity.short(Double(model.activeLinearParameters))) x \(Quantity.grouped(step.tokens)) / "
        + "\(Quantity.rate(form.rate, "op/s")) \(form.unit))",
      "  head      \(Quantity.seconds(parts.head)) = max(\(Quantity.bytes(table * form.tableBits / 8)) / \(bandwidth), "
        + "2 x \(Quantity.short(table)) x \(Quantity.grouped(step.rows)) / "
        + "\(Quantity.rate(peaks.bf16Rate, "op/s")) BF16)",
      "  attention \(Quantity.seconds(parts.attention)) = max(tokens read x "
        + "\(Quantity.bytes(2 * Double(model.kvHeads * model.headDimension) * form.cacheBits / 8)) a layer / \(bandwidth), "
        + "tokens read x 4 x \(Quantity.grouped(model.heads * model.headDimension)) / "
        + "\(Quantity.rate(peaks.bf16Rate, "op/s")) BF16)",
    ]
    if split.ways > 1 {
      lines.append(
        "  exchange  \(Quantity.seconds(parts.exchange)) = 2 x \(model.blocks) x (\(Quantity.seconds(split.latency)) + 2 x "
          + "\(split.ways - 1)/\(split.ways) x \(Quantity.grouped(step.tokens)) x \(Quantity.grouped(model.hiddenSize)) x 2 B / "
          + "\(Quantity.rate(split.link, "B/s"))); the other three are one part of \(split.ways)")
    }
    return lines
  }
}
