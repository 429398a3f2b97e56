import Models
import Operators
import Tensors

/// The memory that timing batches takes beyond what the process holds.
struct BatchMemory {
  /// Weights in every form, caches of decode and prefill, activations and logits.
  let bytes: Double

  private static let probeBytes = 268_435_456.0

  init(_ options: BatchOptions, _ model: Model) {
    let shape = model.configuration.shape
    let batch = Double(options.batches.max() ?? 1)
    let weights = Double(shape.blockLinearParameters)
    let forms = options.forms.reduce(0) { $0 + weights * $1.bytesPerWeight }
    let head = Double(shape.embeddingParameters) * 2
    // Caches grow by whole blocks of tokens.
    func held(_ tokens: Int) -> Double {
      let block = KVBlockLayout.tokens
      return Double((tokens + block - 1) / block * block) * Double(shape.kvBytesPerToken(.fp16))
    }
    let caches =
      batch * (held(options.depth + options.steps + 1) + held(options.prompt))
    let tokens = max(batch, min(batch * Double(options.prompt), Double(ForwardOptions().chunk)))
    let widths =
      5 * shape.hiddenSize + 2 * shape.intermediateSize + 2 * shape.heads * shape.headDimension
    let activations = tokens * Double(widths) * 4 + batch * Double(shape.vocabularySize) * 4
    // What is packed already is not taken again; limits are measured on a buffer of their own.
    bytes =
      max(0, forms + head - Double(model.packedBytes)) + caches + activations + Self.probeBytes
  }
}
