import Checkpoints
import Engine
import FoundationEssentials
import Tensors

/// A directory of made-up fixtures that is gone when the test is over.
final class ConformanceFolder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.path + "/nibble-fixtures-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The fixtures of the repository.
  static var shipped: String {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast()
    return parts.joined(separator: "/") + "/Fixtures"
  }

  func write(_ name: String, _ text: String) throws {
    try Data(text.utf8).write(to: URL(filePath: path + "/" + name))
  }

  func bytes(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(filePath: path + "/" + name)))
  }

  func write(_ name: String, _ bytes: [UInt8]) throws {
    try Data(bytes).write(to: URL(filePath: path + "/" + name))
  }

  /// Copies a shipped file, and the manifest cut to the cases that `isKept` names.
  func copy(_ file: String) throws {
    try FileManager.default.copyItem(
      atPath: Self.shipped + "/" + file, toPath: path + "/" + file)
  }

  /// Writes float32 tensors of one dimension to `name`.
  func tensors(_ name: String, _ values: [String: [Float]]) throws {
    let writer = try SafetensorsWriter(
      path: path + "/" + name,
      entries: values.map { .init(name: $0.key, dtype: .f32, shape: Shape([$0.value.count])) })
    for (name, values) in values { try writer.write(name, values) }
    try writer.commit()
  }
}
