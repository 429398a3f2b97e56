import Checkpoints
import Engine
import FoundationEssentials
import Platform
import Quantization
import TestSupport
import Testing

/// Importance matrices written from a calibration text, and models whose rounding they weigh.
@Suite struct ImportanceTests {
  private static func opened() throws -> Laboratory {
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: nil))
    return laboratory
  }

  private static func matrix(_ laboratory: Laboratory, at path: String) throws -> ImportanceReport {
    try perform(
      laboratory,
      ImportanceJob(path: path, calibration: CalibrationOptions(samples: 2, length: 64)))
  }

  private static func refusal(_ body: () throws -> Void) -> String {
    do {
      try body()
      return ""
    } catch { return "\(error)" }
  }

  @Test func aTextIsWrittenAsAMatrixOfEveryLayer() throws {
    let folder = try TemporaryFolder()
    let laboratory = try Self.opened()
    let path = folder.path("imatrix.gguf")
    let report = try Self.matrix(laboratory, at: path)
    #expect(report.tensors == 56 && report.windows == 2 && report.tokens == 128)
    let matrix = try ImportanceMatrix(path: path)
    #expect(matrix.chunks == 2 && matrix.chunkSize == 64 && matrix.entries.count == 56)
    let query = try #require(matrix.entries["blk.0.attn_q.weight"])
    #expect(query.counts == [128])
    // Layers that share their input count the same.
    #expect(matrix.entries["blk.0.attn_v.weight"] == query)
    #expect(matrix.entries["blk.0.ffn_gate.weight"] == matrix.entries["blk.0.ffn_up.weight"])
    #expect(matrix.entries["blk.0.attn_output.weight"] != query)
    // What a norm yields has about the mean square of its gains; it is no sum of a few windows.
    #expect(query.means.allSatisfy { $0 > 0 && $0.isFinite })
    // A file that is there is left alone.
    let refused = Self.refusal { _ = try ImportanceJob.check(path: path) }
    #expect(refused.contains("a file of this name exists already"))
    #expect(try ImportanceMatrix(path: path) == matrix)
    #expect(Self.refusal { try ImportanceJob.check(path: folder.path) }.contains("exists"))
  }

  @Test(arguments: ["Q4_0", "Q4_K"])
  func roundingIsWeighedAndSaysSo(type: String) throws {
    let folder = try TemporaryFolder()
    let laboratory = try Self.opened()
    let path = folder.path("imatrix.gguf")
    _ = try Self.matrix(laboratory, at: path)
    try laboratory.checkExport(
      format: "gguf:\(type)", recipe: .baseline, path: folder.path("weighed"), importance: path)
    _ = try perform(
      laboratory,
      QuantizeJob(
        recipe: .baseline, calibration: CalibrationOptions(samples: 2, length: 64),
        keeping: .nothing, compares: false))
    for (name, importance) in [("weighed", path), ("plain", nil)] {
      _ = try perform(
        laboratory,
        ExportJob(path: folder.path(name), format: "gguf:\(type)", importance: importance))
    }
    let (weighed, plain) = (
      try GGUFFile(path: folder.path("weighed/model.gguf")),
      try GGUFFile(path: folder.path("plain/model.gguf"))
    )
    #expect(weighed["quantize.imatrix.file"]?.text == "imatrix.gguf")
    #expect(weighed["quantize.imatrix.entries_count"]?.integer == 56)
    #expect(weighed["quantize.imatrix.chunks_count"]?.integer == 2)
    #expect(plain["quantize.imatrix.file"] == nil)
    for tensor in weighed.tensors {
      let other = try #require(plain.tensor(tensor.name))
      let isLayer = tensor.name.hasPrefix("blk.") && !tensor.name.contains("norm")
      #expect((Array(tensor.bytes) == Array(other.bytes)) != isLayer, "\(tensor.name)")
    }
    let text = try folder.bytes("weighed/nibble.json")
    let manifest = try StrictJSON.parse(text).object?["importance"]?.object
    #expect(manifest?["tensors"]?.integer == 56)
    let hash = manifest?["sha256"]?.string ?? ""
    #expect(hash.count == 64)
  }

  @Test func whatCannotBeWeighedIsToldBefore() throws {
    let folder = try TemporaryFolder()
    let laboratory = try Self.opened()
    let path = folder.path("imatrix.gguf")
    _ = try Self.matrix(laboratory, at: path)
    func words(_ format: String, _ recipe: String = "", _ change: (inout ImportanceMatrix) -> Void)
      throws -> String
    {
      var matrix = try ImportanceMatrix(path: path)
      matrix.path = folder.path("other.gguf")
      change(&matrix)
      try matrix.write()
      return Self.refusal {
        try laboratory.checkExport(
          format: format, recipe: RecipeText.recipe(recipe), importance: matrix.path)
      }
    }
    let name = "blk.3.ffn_down.weight"
    #expect(try words("gguf:Q4_K") { _ in }.isEmpty)
    #expect(
      try words("gguf:Q4_K") { $0.entries[name] = nil }.contains("expected tensor \(name).in_sum2"))
    #expect(
      try words("gguf:Q4_K") { $0.entries[name] = .init(sums: [1, 2], counts: [1]) }
        .contains("tensor \(name).in_sum2: expected"))
    // A tensor of another model next to these does no harm.
    #expect(
      try words("gguf:Q4_K") { $0.entries["blk.99.ffn_up.weight"] = .init(sums: [1], counts: [1]) }
        .isEmpty)
    for format in ["gguf:F16", "gguf:Q8_0", "gguf:MXFP4"] {
      let found = try words(format) { _ in }
      #expect(found.contains("weighing \(format)") && found.contains("gguf:Q4_K"), "\(found)")
    }
    #expect(try words("gguf", "weights=rtn:4:32") { _ in }.contains("moves codes as they are"))
    #expect(try words("gptq", "weights=rtn:4:64") { _ in }.contains("weighing gptq"))
  }
}
