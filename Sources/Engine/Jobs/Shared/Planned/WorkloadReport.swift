import Models
package import Planning
import Wording

/// Time and bytes of a planned workload, a recipe and its baseline next to each other.
package struct WorkloadReport: Hashable, Sendable, Codable {
  /// What decides whether a workload is served better.
  package enum Resource: String, Hashable, Sendable, Codable {
    /// Seconds of a request: its prompt, and its share of the decode steps.
    case time
    /// Bytes of weights and cache, since the workload does not fit as it is.
    case capacity
  }

  /// A part of a request.
  package enum Phase: String, Hashable, Sendable, Codable {
    case prefill
    case decode
  }

  /// Bytes of one model under the workload.
  package struct Side: Hashable, Sendable, Codable {
    package var recipe: String
    package var times: WorkloadTimes
    package var weightBytes: Double
    /// Of all requests.
    package var cacheBytes: Double
    /// Requests of the planned context that fit next to the weights.
    package var fittingRequests: Int

    package var bytes: Double { weightBytes + cacheBytes }
  }

  package var workload: Workload
  /// The machine's name, and whether it is described only: then all times are modelled.
  package var machine: String
  package var isDescribed: Bool
  package var resource: Resource
  /// The phase that most of a request's time of the baseline is spent in, and that share, 0 to 1.
  package var phase: Phase
  package var phaseShare: Double
  /// Bytes that may be used, and those that activations take of them.
  package var budget: Double
  package var activationBytes: Double
  package var baseline: Side
  package var quantized: Side
  /// What was timed of it; nil for a described machine.
  package var extent: WorkloadTimes.Extent?

  /// Whether times are not all of what was run.
  package var isModelled: Bool { extent?.isModelled ?? true }

  /// How many times faster the phase is that most time is spent in.
  package var phaseSpeedup: WorkloadTimes.Spread {
    phase == .prefill ? quantized.times.promptSpeedup : quantized.times.stepSpeedup
  }

  /// How many times faster the other phase is.
  package var otherSpeedup: WorkloadTimes.Spread {
    phase == .prefill ? quantized.times.stepSpeedup : quantized.times.promptSpeedup
  }

  /// Where the times come from: `measured`, `modelled, off by 4 % where it can be checked`.
  package var source: String {
    guard let extent else { return "modelled from the limits of \(machine)" }
    guard extent.isModelled else {
      return "measured in \(extent.rounds) rounds"
    }
    let error =
      extent.modelError.map { ", off by \(Quantity.percent($0)) at most where it can be checked" }
      ?? ""
    return "modelled from a prompt of \(Quantity.grouped(extent.prompt)) tokens and steps of "
      + "\(extent.batch) after \(Quantity.grouped(extent.depth))\(error)"
  }
}

extension Workload {
  /// `16 requests of 4,096 tokens (512 prompt, 128 generated, 16 decoded together)`.
  package var words: String {
    "\(Quantity.grouped(requests)) \(requests == 1 ? "request" : "requests") of "
      + "\(Quantity.grouped(context)) tokens (\(Quantity.grouped(promptTokens)) prompt, "
      + "\(Quantity.grouped(generatedTokens)) generated"
      + (batch > 1 ? ", \(Quantity.grouped(batch)) decoded together)" : ")")
  }
}
