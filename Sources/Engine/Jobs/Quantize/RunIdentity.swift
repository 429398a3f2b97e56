import Checkpoints
import FoundationEssentials
import Models
import Operators
import Platform
import Quantization

/// All that the bits of a quantized model depend on: an unfinished run is continued only by the same.
struct RunIdentity {
  let identity: QuantizationCheckpoint.Identity

  /// Changes with anything that changes the bits all methods make of the same input.
  private static let driver = "2"

  /// The revision of what every method shares, and of those of the recipe that have another than their first.
  private static func algorithms(_ recipe: Recipe) throws -> String {
    let revised = try recipe.methods().map { type(of: $0) }.filter { $0.revision != 1 }
    return ([driver] + revised.map { "\($0.describes.name) \($0.revision)" })
      .joined(separator: ", ")
  }

  init(
    recipe: Recipe, held: Laboratory.OpenModel, calibration: CalibrationOptions, windows: [[Int32]],
    compares: Bool, laboratory: Laboratory
  ) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    identity = .init(
      [
        .init("recipe", String(decoding: try encoder.encode(recipe), as: UTF8.self)),
        .init("model", held.isBuiltIn ? "built-in" : held.stored.path),
        .init("weights", try held.fileFacts()),
        .init("calibration text", calibration.text ?? "built-in"),
        .init("calibration tokens", Self.digest(of: windows)),
      ] + laboratory.identityFacts + [.init("algorithms", try Self.algorithms(recipe))]
        + held.transformFacts
        + (compares ? [] : [.init("comparison of layers", "by their weights")]))
  }

  /// What the figures of a measuring job depend on besides its options and texts.
  static func facts(
    of held: Laboratory.OpenModel, in laboratory: Laboratory
  ) throws -> [QuantizationCheckpoint.Identity.Fact] {
    var facts: [QuantizationCheckpoint.Identity.Fact] = [
      .init("program", ProgramVersion.current), .init("driver", driver),
      .init("model", held.isBuiltIn ? "built-in" : held.stored.path),
      .init("weights", try held.fileFacts()),
    ]
    if let quantized = held.quantized {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys]
      // What calibration made of the weights shows in the errors of their layers.
      facts.append(
        .init(
          "quantized",
          quantized.words + " "
            + QuantizationCheckpoint.Identity.hash(try encoder.encode(quantized.report?.layers))))
    }
    return facts + laboratory.identityFacts + held.transformFacts
  }

  /// What a baseline says depends on, besides its text: nothing of what was quantized.
  static func baseline(
    of held: Laboratory.OpenModel, in laboratory: Laboratory
  ) throws -> [QuantizationCheckpoint.Identity.Fact] {
    [
      .init("program", ProgramVersion.current),
      .init("executable", executable),
      .init("model", held.isBuiltIn ? "built-in" : held.stored.path),
      .init("weights", try held.fileFacts()),
      .init(
        "files",
        held.files.map { "\($0.path) of \(facts(of: $0))" }.sorted().joined(separator: ", ")),
    ] + laboratory.identityFacts + held.transformFacts
  }

  /// The program itself: two builds of one version may round differently; `unknown` where the system does not show it.
  private static var executable: String {
    (try? MappedFile(path: "/proc/self/exe")).map(facts) ?? "unknown"
  }

  private static func facts(of file: MappedFile) -> String {
    "\(file.byteCount) bytes, changed \(file.modified)"
  }

  /// A text as the windows that were cut from it.
  static func text(
    _ name: String, _ windows: [[Int32]]
  ) -> QuantizationCheckpoint.Identity.Fact {
    .init(name, digest(of: windows))
  }

  /// The options of a job.
  static func options(_ options: some Encodable) throws -> QuantizationCheckpoint.Identity.Fact {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return .init("options", String(decoding: try encoder.encode(options), as: UTF8.self))
  }

  private static func digest(of windows: [[Int32]]) -> String {
    let bytes = windows.joined().flatMap { id in
      [
        UInt8(truncatingIfNeeded: id), UInt8(truncatingIfNeeded: id >> 8),
        UInt8(truncatingIfNeeded: id >> 16),
      ]
    }
    return "\(windows.count) windows of \(windows.first?.count ?? 0), "
      + QuantizationCheckpoint.Identity.hash(bytes)
  }
}

extension QuantizationCheckpoint.Identity {
  /// A name for the identity.
  var digest: String {
    Self.hash(facts.map { "\($0.name)=\($0.value)" }.joined(separator: "\n").utf8)
  }

  /// FNV-1a with 64 bits, in hexadecimal: tells runs apart, protects against nothing.
  static func hash(_ bytes: some Sequence<UInt8>) -> String {
    var state: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { state = (state ^ UInt64(byte)) &* 0x100_0000_01b3 }
    let digits = String(state, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

extension Laboratory.OpenModel {
  /// The files of the weights with their sizes and times.
  fileprivate func fileFacts() throws -> String {
    try stored.files().sorted { $0.path < $1.path }.map {
      "\($0.path.split(separator: "/").last ?? "") of \($0.byteCount) bytes, changed " + $0.modified
    }.joined(separator: ", ")
  }

  /// What was made of the whole model: next to the recipe, so that a refusal says in words what the model was then.
  fileprivate var transformFacts: [QuantizationCheckpoint.Identity.Fact] {
    var facts: [QuantizationCheckpoint.Identity.Fact] = []
    if let planting = transformed.transform(OutlierPlanting.self) {
      facts.append(.init("planted outliers", "\(planting)"))
    }
    if let rotation = transformed.transform(ResidualRotation.self) {
      facts.append(.init("residual stream", "\(rotation)"))
    }
    return facts
  }
}

extension Laboratory {
  /// What computes.
  fileprivate var identityFacts: [QuantizationCheckpoint.Identity.Fact] {
    [
      .init("threads", "\(pool.threads)"), .init("provider", provider.rawValue),
      .init("disabled kernels", disabledKernels.sorted().joined(separator: " ")),
    ]
  }
}
