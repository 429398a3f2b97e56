package import Platform
package import Tensors

/// What is wrong with a checkpoint, and where.
package enum CheckpointError: Error, Equatable, Sendable {
  /// The file cannot be read or written.
  case platform(PlatformError)
  /// A field or tensor of a file is not what the format says.
  case malformed(file: String, item: String, expected: String, found: String)
  /// A file that may be sound but that is not read here.
  case unsupported(file: String, item: String, found: String, known: String)
  /// A name that a model needs is not in the checkpoint.
  case missing(file: String, item: String, nearest: String?)
  /// A tensor has another shape or type than a model needs.
  case tensor(file: String, name: String, TensorError)
  /// Two shards hold a tensor of the same name.
  case duplicateTensor(name: String, first: String, second: String)
  /// What was to be written does not fit what was announced.
  case incomplete(file: String, item: String, expected: Int, found: Int)
}

extension CheckpointError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .platform(let error):
      "\(error)"
    case .malformed(let file, let item, let expected, let found):
      "\(file): \(item): expected \(expected), found \(found)"
    case .unsupported(let file, let item, let found, let known):
      "\(file): \(item): \(found) is not supported; \(known)"
    case .missing(let file, let item, let nearest):
      "\(file): expected \(item), found none" + (nearest.map { "; nearest is \($0)" } ?? "")
    case .tensor(let file, let name, let error):
      "\(file): tensor \(name): \(error)"
    case .duplicateTensor(let name, let first, let second):
      "tensor \(name): expected in one file, found in \(first) and \(second)"
    case .incomplete(let file, let item, let expected, let found):
      "\(file): \(item): expected \(expected) bytes to be written, found \(found)"
    }
  }
}

extension CheckpointError {
  /// Does `body`, with its errors as errors of a checkpoint.
  static func wrapping<Result>(_ body: () throws(PlatformError) -> Result) throws(CheckpointError)
    -> Result
  {
    do throws(PlatformError) { return try body() } catch { throw .platform(error) }
  }

  /// Reads a JSON file of at most `limit` bytes.
  static func json(at path: String, limit: Int, limits: StrictJSON.Limits = StrictJSON.Limits())
    throws(CheckpointError) -> JSONValue
  {
    let file = try wrapping { () throws(PlatformError) in try MappedFile(path: path) }
    guard file.byteCount <= limit else {
      throw .malformed(
        file: path, item: "file", expected: "at most \(limit) bytes",
        found: "\(file.byteCount) bytes")
    }
    let text = try wrapping { () throws(PlatformError) in
      try file.read(at: 0, count: file.byteCount)
    }
    return try json(text, file: path, item: "file", limits: limits)
  }

  /// Reads JSON that stands in `item` of `file`.
  static func json(_ text: [UInt8], file: String, item: String, limits: StrictJSON.Limits)
    throws(CheckpointError) -> JSONValue
  {
    do throws(PlatformError) {
      return try StrictJSON.parse(text, limits: limits)
    } catch {
      throw .malformed(file: file, item: item, expected: "JSON", found: "\(error)")
    }
  }
}
