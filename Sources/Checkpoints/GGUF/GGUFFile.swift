package import Platform

/// A model in GGUF, version 3 (or 2, which has the same layout): metadata and mapped tensors, of one file or of several.
///
/// Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Counts, lengths, dimensions,
/// offsets and the alignment are checked against the file's size, in checked arithmetic, before
/// anything is allocated or touched.
package struct GGUFFile: Sendable {
  /// One entry of the metadata.
  package struct Entry: Equatable, Sendable {
    package let key: String
    package let value: GGUFValue

    package init(key: String, value: GGUFValue) {
      self.key = key
      self.value = value
    }
  }

  /// The file with the metadata, of a model in several the first.
  package let file: MappedFile
  /// All files, in their order.
  package let files: [MappedFile]
  /// In the file's order.
  package let entries: [Entry]
  /// File by file, in the file's order.
  package let tensors: [GGUFTensor]
  /// Tensors start at multiples of this many bytes.
  package let alignment: Int

  private let keys: [UTF8Key: Int]
  private let names: [UTF8Key: Int]

  /// Opens and checks the file at `path`, and the other files of a model in several.
  ///
  /// - Throws: `CheckpointError` with file, item, expected and found.
  package init(path: String) throws(CheckpointError) {
    let parts = try GGUFParts.open(path)
    let first = parts[0]
    var names: [UTF8Key: Int] = [:]
    var tensors: [GGUFTensor] = []
    for part in parts {
      for tensor in part.tensors {
        if let known = names.updateValue(tensors.count, forKey: UTF8Key(tensor.name)) {
          throw .duplicateTensor(
            name: tensor.name, first: tensors[known].file.path, second: part.file.path)
        }
        tensors.append(tensor)
      }
    }
    self.tensors = tensors
    self.names = names
    file = first.file
    files = parts.map(\.file)
    entries = first.entries
    alignment = first.alignment
    keys = first.keys
  }

  /// Throws when a file was written to after it was opened; for the end of long work.
  package func checkUnchanged() throws(CheckpointError) {
    for file in files {
      try CheckpointError.wrapping { () throws(PlatformError) in try file.checkUnchanged() }
    }
  }

  /// The value of `key`.
  package subscript(key: String) -> GGUFValue? { keys[UTF8Key(key)].map { entries[$0].value } }

  /// The tensor called `name`.
  package func tensor(_ name: String) -> GGUFTensor? { names[UTF8Key(name)].map { tensors[$0] } }

  /// Bytes of all tensors.
  package var byteCount: Int { tensors.reduce(0) { $0 + $1.range.count } }

  /// An integer that must be there.
  package func integer(_ key: String, in range: ClosedRange<Int>) throws(CheckpointError) -> Int {
    guard let integer = try optionalInteger(key, in: range) else {
      throw .missing(file: file.path, item: key, nearest: nil)
    }
    return integer
  }

  /// An integer, nil when `key` is absent.
  package func optionalInteger(_ key: String, in range: ClosedRange<Int>) throws(CheckpointError)
    -> Int?
  {
    guard let value = self[key] else { return nil }
    guard let integer = value.integer, range.contains(integer) else {
      throw mismatch(key, "an integer from \(range.lowerBound) to \(range.upperBound)", value)
    }
    return integer
  }

  /// A number, nil when `key` is absent.
  package func optionalNumber(_ key: String, in range: ClosedRange<Double>)
    throws(CheckpointError) -> Double?
  {
    guard let value = self[key] else { return nil }
    guard let number = value.number, range.contains(number) else {
      throw mismatch(key, "a number from \(range.lowerBound) to \(range.upperBound)", value)
    }
    return number
  }

  /// A string that must be there.
  package func text(_ key: String) throws(CheckpointError) -> String {
    guard let value = self[key] else {
      throw .missing(file: file.path, item: key, nearest: nil)
    }
    guard let text = value.text else { throw mismatch(key, "a string in UTF-8", value) }
    return text
  }

  /// A string in UTF-8, nil when `key` is absent.
  package func optionalText(_ key: String) throws(CheckpointError) -> String? {
    self[key] == nil ? nil : try text(key)
  }

  /// True or false, nil when `key` is absent.
  package func optionalFlag(_ key: String) throws(CheckpointError) -> Bool? {
    guard let value = self[key] else { return nil }
    guard let flag = value.bool else { throw mismatch(key, "true or false", value) }
    return flag
  }

  /// An error about `key`, for checks that only the model can make.
  package func mismatch(_ key: String, _ expected: String, _ found: GGUFValue?) -> CheckpointError {
    .malformed(
      file: file.path, item: key, expected: expected, found: found?.kind ?? "none")
  }
}
