import Models
import Platform
import Quantization
import Tensors
import Testing

@Suite struct BlockInputsTests {
  /// INT8 inputs of weights in GGUF blocks have a scale for 32 channels, and the weights stay what the file has.
  @Test func blocksKeepTheirFormAndScaleInputsBy32Channels() throws {
    let blocks = try BlockWeight(
      type: .q8_0, bytes: SharedBytes(byteCount: 4 * 34) { _ in }, rows: 4, columns: 32)
    let dense = try DenseWeight(
      TensorView(
        dtype: .f32, shape: [4, 32], copying: (0..<128).map { Float($0 % 7) }))
    var draft = BlockDraft(
      index: 0,
      layers: [
        .init(projection: .q, name: "q", weight: blocks, activation: .float(type: .bf16)),
        .init(projection: .k, name: "k", weight: dense, activation: .float(type: .bf16)),
      ], pool: WorkerPool(threads: 1))
    let method = try QuantizationMethods.make(
      MethodChoice(method: "int8", options: [:]), target: .activations)
    try method.quantize(&draft)
    #expect(draft[.q].weight === blocks)
    #expect(draft[.q].activation == .int8Blocks)
    #expect(draft[.k].activation == .int8PerToken)
    #expect(draft[.k].isQuantized)
  }
}
