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
    let files = try held.stored.files()
    let sizes = files.sorted { $0.path < $1.path }.map {
      "\($0.path.split(separator: "/").last ?? "") of \($0.byteCount) bytes, changed " + $0.modified
    }
    // Next to the recipe, so that a refusal says in words what the model was then.
    let planted = held.transformed.transform(OutlierPlanting.self).map {
      [QuantizationCheckpoint.Identity.Fact("planted outliers", "\($0)")]
    }
    let rotated = held.transformed.transform(ResidualRotation.self).map {
      [QuantizationCheckpoint.Identity.Fact("residual stream", "\($0)")]
    }
    identity = .init(
      [
        .init("recipe", String(decoding: try encoder.encode(recipe), as: UTF8.self)),
        .init("model", held.isBuiltIn ? "built-in" : held.stored.path),
        .init("weights", sizes.joined(separator: ", ")),
        .init("calibration text", calibration.text ?? "built-in"),
        .init("calibration tokens", Self.digest(of: windows)),
        .init("threads", "\(laboratory.pool.threads)"),
        .init("provider", laboratory.provider.rawValue),
        .init("disabled kernels", laboratory.disabledKernels.sorted().joined(separator: " ")),
        .init("algorithms", try Self.algorithms(recipe)),
      ] + (planted ?? []) + (rotated ?? [])
        + (compares ? [] : [.init("comparison of layers", "by their weights")]))
  }

  /// A name for the identity.
  var digest: String {
    Self.hash(identity.facts.map { "\($0.name)=\($0.value)" }.joined(separator: "\n").utf8)
  }

  private static func digest(of windows: [[Int32]]) -> String {
    let bytes = windows.joined().flatMap { id in
      [
        UInt8(truncatingIfNeeded: id), UInt8(truncatingIfNeeded: id >> 8),
        UInt8(truncatingIfNeeded: id >> 16),
      ]
    }
    return "\(windows.count) windows of \(windows.first?.count ?? 0), " + hash(bytes)
  }

  /// FNV-1a with 64 bits, in hexadecimal: tells runs apart, protects against nothing.
  private static func hash(_ bytes: some Sequence<UInt8>) -> String {
    var state: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { state = (state ^ UInt64(byte)) &* 0x100_0000_01b3 }
    let digits = String(state, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
