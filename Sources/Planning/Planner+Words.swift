import Models
import Operators
import Tensors
import Wording

/// The formulas with the model's numbers in them, and what is odd about a workload.
extension Planner {
  private func grouped(_ value: Double) -> String { Quantity.grouped(Int(min(value, 1e15))) }

  var kvFormula: String {
    let sharing =
      model.heads == model.kvHeads ? "" : " (GQA: \(model.heads) query heads share them)"
    return "2 (K, V) x \(model.blocksWithCache) blocks x \(model.kvHeads) KV heads\(sharing) x "
      + "\(model.headDimension) channels x 2 bytes = \(model.kvBytesPerToken(.fp16))"
  }

  /// Bytes of activations: one prefill chunk through a block, in float32, and the logits of a batch.
  package var activationBytes: Double {
    activationTokens * Double(activationWidth) * 4
      + Double(workload.batch) * Double(model.vocabularySize) * 4
  }

  private var activationTokens: Double {
    Double(min(Self.prefillChunk, max(1, workload.promptTokens)))
  }

  private var activationWidth: Int {
    4 * model.hiddenSize + 2 * model.heads * model.headDimension + 3 * model.intermediateSize
  }

  var activationFormula: String {
    "\(grouped(activationTokens)) tokens of a prefill chunk x (4 x \(model.hiddenSize) hidden + 2 x "
      + "\(model.heads * model.headDimension) attention + 3 x \(model.intermediateSize) feed-forward) "
      + "x 4 bytes + batch \(workload.batch) x \(model.vocabularySize) logits x 4 bytes = "
      + grouped(activationBytes)
  }

  var kvNotes: [String] {
    var notes: [String] = []
    let context = Double(workload.context)
    let shared = workload.sharedTokens(of: context)
    if model.blocksWithCache < model.blocks {
      notes.append(
        "Sharing between layers: \(model.blocks - model.blocksWithCache) of \(model.blocks) blocks "
          + "read the cache of another one; they save memory, not reads.")
    }
    for kind in model.keepingKinds where model.hasWindows {
      notes.append(
        kind.window > 0
          ? "Window: \(kind.blocks) blocks keep the last \(Quantity.grouped(kind.window)) tokens, "
            + "which touch \(grouped(blocks(kind, requests: 1, shared: 0))) cache blocks of 64."
          : "No window: \(kind.blocks) blocks keep all \(Quantity.grouped(workload.context)) tokens."
      )
    }
    let total = footprint.blocks(
      context: context, requests: Double(workload.requests), shared: shared)
    let bytes = layerTokenBytes() * CacheFootprint.blockTokens
    notes.append(
      "Whole blocks: \(grouped(total)) of 64 tokens of a layer x \(grouped(bytes)) bytes = "
        + "\(grouped(total * bytes)) for \(Quantity.grouped(workload.requests)) x "
        + "\(Quantity.grouped(workload.context)) tokens.")
    if shared >= CacheFootprint.blockTokens, workload.requests > 1 {
      let apart = footprint.blocks(
        context: context, requests: Double(workload.requests), shared: 0)
      notes.append(
        "Prefix: \(grouped(shared)) tokens are common to all requests and counted once; apart it would "
          + "be \(grouped(apart)) blocks.")
    }
    return notes
  }

  private func blocks(_ kind: ModelShape.LayerKind, requests: Double, shared: Double) -> Double {
    CacheFootprint.blocks(
      window: kind.window, context: Double(workload.context), requests: requests, shared: shared)
  }

  /// What is odd about the workload.
  func warnings(_ report: PlanReport) -> [String] {
    let memory = report.memory
    let reach = report.reach
    var found: [String] = []
    if workload.context > model.context {
      found.append(
        "A context of \(Quantity.grouped(workload.context)) tokens is beyond the model's "
          + "\(Quantity.grouped(model.context)): it was not trained for those positions; bytes and "
          + "seconds hold all the same.")
    }
    let used = workload.promptTokens.addingReportingOverflow(workload.generatedTokens)
    if used.overflow || used.partialValue > workload.context {
      found.append(
        "A prompt of \(Quantity.grouped(workload.promptTokens)) tokens and an answer of "
          + "\(Quantity.grouped(workload.generatedTokens)) are more than the "
          + "\(Quantity.grouped(workload.context)) that one request may hold.")
    }
    if workload.batch > workload.requests {
      found.append(
        "A batch of \(Quantity.grouped(workload.batch)) needs as many requests in flight; there are "
          + "\(Quantity.grouped(workload.requests)).")
    }
    if memory.budget < memory.weights {
      let small = Quantity.bytes(reach.smallWeights)
      found.append(
        "A budget of \(Quantity.bytes(memory.budget)) is below the weights alone, which take "
          + "\(Quantity.bytes(memory.weights)) "
          + (model.storedBits == nil ? "in BF16" : "as they are stored")
          + ": no cache fits next to them. At "
          + "\(Quantity.fixed(reach.smallWeightBits, 3)) bits a weight they take \(small)"
          + (reach.smallWeights > memory.budget ? ", which is still too much." : "."))
    }
    if memory.total > memory.budget, reach.smallestTotal > memory.budget,
      reach.smallWeights <= memory.budget
    {
      found.append(
        "Even W4 and an INT4 cache take \(Quantity.bytes(reach.smallestTotal)) of a budget "
          + "of \(Quantity.bytes(memory.budget)): fewer requests or a shorter context are needed.")
    }
    if let wanted = workload.memoryBudget, peaks.memoryBytes > 0, wanted > peaks.memoryBytes {
      found.append(
        "A budget of \(Quantity.bytes(wanted)) is more than \(peaks.name) has, "
          + "\(Quantity.bytes(peaks.memoryBytes)).")
    }
    return found
  }
}
