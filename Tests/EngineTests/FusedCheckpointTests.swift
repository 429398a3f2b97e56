import Checkpoints
import Engine
import FoundationEssentials
import Models
import Platform
import Tensors
import TestSupport
import Testing

/// Quantized checkpoints of families that keep several layers in one tensor, or inputs first.
@Suite struct FusedCheckpointTests {
  private static func fixture(_ name: String) -> String {
    QuantizedCheckpointTests.folder + "/../../ModelsTests/Fixtures/" + name
  }

  /// INT8 codes of a matrix, a scale a row or one for all.
  private static func integers(
    _ values: [Float], rows: Int, columns: Int, _ granularity: WeightFormat.Granularity
  ) throws -> IntegerWeight {
    func scale(_ part: ArraySlice<Float>) -> Float {
      (part.map(\.magnitude).max() ?? 1) / 127
    }
    let scales =
      granularity == .tensor
      ? [scale(values[...])]
      : (0..<rows).map { scale(values[$0 * columns..<($0 + 1) * columns]) }
    let codes = values.enumerated().map { place, value in
      let scale = scales.count == 1 ? scales[0] : scales[place / columns]
      return UInt8(clamping: Int((value / scale).rounded()) + 128)
    }
    return try IntegerWeight(
      format: WeightFormat(
        code: .integer(bits: 8), granularity: granularity, isSymmetric: true),
      rows: rows, columns: columns, unpacked: codes, scales: scales)
  }

  /// The fixture with every matrix of its blocks in INT8, the tensors named and joined as they were.
  private static func quantized(
    _ name: String, _ granularity: WeightFormat.Granularity, isTurned: Bool, to path: String
  ) throws {
    let checkpoint = try Checkpoint(path: fixture(name))
    var layers: [Artifact.Layer] = []
    var others: [(name: String, view: TensorView)] = []
    for tensor in checkpoint.tensors {
      let view = try checkpoint.view(tensor.name)
      guard view.shape.rank == 2, tensor.name.contains(where: \.isNumber),
        tensor.name.hasSuffix(".weight")
      else {
        others.append((tensor.name, view))
        continue
      }
      let turned = isTurned ? try view.transposed() : view
      layers.append(
        .init(
          name: String(tensor.name.dropLast(7)),
          weight: try integers(
            turned.floats(), rows: turned.shape.dimensions[0],
            columns: turned.shape.dimensions[1], granularity),
          activation: .float(type: .bf16)))
    }
    let directory = try WholeDirectory(path: path)
    try CompressedTensors().write(
      Artifact(
        config: ConfigFile(path: fixture(name) + "/config.json").root, layers: layers,
        others: others, companions: [], notes: JSONObject()), into: directory)
    try directory.commit()
    #expect(layers.count == 8)
  }

  @Test(
    arguments: [("phi3", false), ("gpt2", true)],
    [WeightFormat.Granularity.channel, .tensor])
  func layersAreCutOutOfTheirTensor(
    _ family: (name: String, isTurned: Bool), _ granularity: WeightFormat.Granularity
  ) throws {
    let folder = try TemporaryFolder()
    let path = folder.path("fused")
    try Self.quantized(family.name, granularity, isTurned: family.isTurned, to: path)
    let plain = try Model.load(directory: Self.fixture(family.name))
    let model = try Model.load(directory: path)
    for id in model.linears {
      let (found, exact) = (model[id], plain[id])
      #expect(found.weight is IntegerWeight, "\(id)")
      #expect(found.weight.rows == exact.weight.rows)
      let (one, other) = (found.weight.dequantized(), exact.weight.dequantized())
      let error = zip(one, other).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      #expect(error < other.reduce(0) { $0 + $1 * $1 } * 1e-3, "\(id)")
      #expect(found.bias == exact.bias)
    }
    let laboratory = try Laboratory(threads: 1)
    let summary = try perform(laboratory, LoadJob(path: path))
    #expect(summary.layout?.contains("W8") == true)
  }
}
