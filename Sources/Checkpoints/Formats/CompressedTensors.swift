package import Platform
import Tensors

/// The `compressed-tensors` layout of vLLM and llm-compressor: `pack-quantized` for weight-only integers, `int-quantized`
/// for INT8 weights with INT8 activations, `float-quantized` for 8-bit floats.
///
/// `pack-quantized`: `weight_packed` I32 `[rows, ceil(columns * bits / 32)]`, unsigned codes as a dense
/// little-endian stream; `weight_scale` `[rows, groups]`; `weight_shape` I64 `[2]`; asymmetric:
/// `weight_zero_point` I32, packed down the rows. `int-quantized`: `weight` I8, `weight_scale` `[rows, 1]` or `[1]`.
/// `float-quantized`: `weight` F8_E4M3, `weight_scale` `[1]`, `[rows, 1]`, or one a block. Static activations:
/// `input_scale` `[1]`, asymmetric ones `input_zero_point` I8 `[1]`.
///
/// What is not in that layout is written as an extension that other readers refuse by its name instead of misreading it:
/// `quant_method` is then `extensionName`.
/// - Real zero points (HQQ), `pack-quantized-real-zeros`: `weight_real_zero_point` `[rows, groups]`, F16 from HQQ, where
///   `weight_zero_point` would be.
/// - LLM.int8(), `int-quantized-outliers`: `outlier_threshold` and `outlier_form` in `input_activations`; in the paper's form
///   `weight_full` `[rows, columns]` next to the INT8 weight.
/// - E5M2: `float_type` where the layout knows E4M3 alone.
package enum CompressedTensors: ExportFormat {
  package static let name = "compressed-tensors"
  package static let summary =
    "safetensors in the layout of vLLM and llm-compressor; real zero points, LLM.int8() and E5M2 are Nibble's own"
  /// `quant_method` of an artifact with what the layout does not know.
  package static let extensionName = "nibble-compressed-tensors"

  /// Whether a checkpoint with this `quant_method` is opened by `CompressedTensorsReader`.
  package static func reads(quantMethod: String?) -> Bool {
    CompressedTensorsReader.methods.contains(quantMethod ?? "")
  }

  package static func write(_ artifact: Artifact, into directory: WholeDirectory) throws {
    let layers = try artifact.layers.map { try StoredLayer($0, path: directory.path) }
    var entries: [SafetensorsWriter.Entry] = []
    for layer in layers { entries += try layer.entries() }
    for (name, view) in artifact.others {
      entries.append(.init(name: name, dtype: view.dtype, shape: view.shape))
    }
    let writer = try SafetensorsWriter(
      path: directory.path(of: Checkpoint.singleFileName), entries: entries,
      metadata: ["format": "pt"])
    for layer in layers { try layer.write(to: writer) }
    for (name, view) in artifact.others { try writer.write(name, view.bytes) }
    try writer.commit()

    var config = artifact.config
    config.set("quantization_config", .object(quantizationConfig(layers)))
    config.set("nibble", .object(artifact.notes))
    try WholeFile.write(
      JSONValue.object(config).text(indent: 2) + "\n", to: directory.path(of: "config.json"))
    for file in artifact.files {
      try WholeFile.write(file.text, to: directory.path(of: file.name))
    }
    for path in artifact.companions {
      let file = try MappedFile(path: path)
      let name = path.split(separator: "/").last.map(String.init) ?? "file"
      try WholeFile.write(
        file.read(at: 0, count: file.byteCount), to: directory.path(of: name))
    }
  }
}
