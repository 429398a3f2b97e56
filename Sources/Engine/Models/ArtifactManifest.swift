import Checkpoints
import FoundationEssentials
import Platform
import Quantization

/// `nibble.json` next to an artifact: how it was made, what each layer lost, and the hash of every file.
struct ArtifactManifest: Encodable {
  static let fileName = "nibble.json"

  /// The text that methods looked at.
  struct Calibration: Hashable, Sendable, Encodable {
    /// The path; "built-in" for the built-in one.
    var text: String
    var samples: Int
    var length: Int
    var seed: UInt64
    /// Of the token ids, four bytes each, little-endian, window after window.
    var sha256: String

    init(_ options: CalibrationOptions, windows: [[Int32]]) {
      text = options.text ?? "built-in"
      samples = windows.count
      length = windows.map(\.count).max() ?? 0
      seed = options.seed
      let bytes = windows.joined().flatMap { id in
        (0..<4).map { UInt8(truncatingIfNeeded: id >> (8 * Int32($0))) }
      }
      sha256 = bytes.withUnsafeBytes(SHA256.hexDigest)
    }
  }

  /// The importance matrix that rounding was weighed by.
  struct Importance: Hashable, Sendable, Encodable {
    /// The path as it was given.
    var file: String
    var sha256: String
    var tensors: Int
    /// Windows of its text, and their tokens.
    var chunks: Int
    var chunkSize: Int
    var datasets: [String]

    init(_ matrix: ImportanceMatrix) throws {
      file = matrix.path
      let mapped = try MappedFile(path: matrix.path)
      sha256 = withExtendedLifetime(mapped) { SHA256.hexDigest(mapped.bytes) }
      tensors = matrix.entries.count
      (chunks, chunkSize, datasets) = (matrix.chunks, matrix.chunkSize, matrix.datasets)
    }
  }

  struct File: Encodable {
    var name: String
    var bytes: Int
    var sha256: String
  }

  struct Layer: Encodable {
    var block: Int
    var projection: String
    var method: String
    var bits: Double
    var relativeError: Double
  }

  var program = "nibble " + ProgramVersion.current
  var format: String
  var source: String
  var recipe: Recipe
  /// nil where nobody looked at a text.
  var calibration: Calibration?
  /// nil where all inputs count the same.
  var importance: Importance?
  /// Whether errors of layers are of their weights, not of what they make of the text.
  var comparesWeights: Bool
  var layers: [Layer]
  /// What writing lost, in words.
  var losses: [String]
  var files: [File]

  init(_ quantized: Laboratory.Quantized, format: String, source: String, losses: [String]) {
    self.format = format
    self.source = source
    recipe = quantized.recipe
    calibration = quantized.calibration
    comparesWeights = quantized.report?.comparesWeights ?? false
    layers = (quantized.report?.layers ?? []).map {
      Layer(
        block: $0.block, projection: $0.projection, method: $0.method, bits: $0.bits,
        relativeError: $0.relativeError)
    }
    self.losses = losses
    files = []
  }

  /// Hashes every file of the directory and writes the manifest next to them.
  mutating func write(into directory: WholeDirectory) throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: directory.temporaryPath)
    files = try names.sorted().map { name in
      let file = try MappedFile(path: directory.path(of: name))
      return withExtendedLifetime(file) {
        File(name: name, bytes: file.byteCount, sha256: SHA256.hexDigest(file.bytes))
      }
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    try WholeFile.write(
      [UInt8](try encoder.encode(self)), to: directory.path(of: Self.fileName))
  }
}
