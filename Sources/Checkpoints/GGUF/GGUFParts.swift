import Glibc
import Platform

/// The files of a model that `llama-gguf-split` has cut: `NAME-00001-of-00003.gguf` and so on.
///
/// The first holds the metadata; each says how many there are (`split.count`) and which it is (`split.no`).
enum GGUFParts {
  /// More files than this are no model.
  private static let most = 1024

  /// Opens the file at `path` and, where it is one of several, all of them in their order.
  static func open(_ path: String) throws(CheckpointError) -> [GGUFHeader] {
    let named = try header(path)
    let count = try number("split.count", of: named, in: 0...most) ?? 1
    guard count > 1 else { return [named] }
    guard let name = PartName(path), name.count == count else {
      throw .unsupported(
        file: path, item: "split.count", found: "a model in \(count) files",
        known: "each must be called NAME-00001-of-\(PartName.padded(count)).gguf and so on")
    }
    var parts: [GGUFHeader] = []
    for index in 1...count {
      parts.append(index == name.index ? named : try header(name.path(index), missingOf: name))
    }
    var tensors = 0
    for (index, part) in parts.enumerated() {
      try check(part, "split.count", is: count)
      try check(part, "split.no", is: index)
      tensors += part.tensors.count
    }
    if let claimed = try number("split.tensors.count", of: parts[0], in: 0...Int(Int32.max)),
      claimed != tensors
    {
      throw .malformed(
        file: parts[0].file.path, item: "split.tensors.count",
        expected: "\(tensors), the tensors of all files", found: "\(claimed)")
    }
    return parts
  }

  private static func header(
    _ path: String, missingOf name: PartName? = nil
  ) throws(CheckpointError) -> GGUFHeader {
    let file: MappedFile
    do throws(PlatformError) {
      file = try MappedFile(path: path)
    } catch {
      if let name, case .system("open", _, ENOENT) = error {
        throw .missing(
          file: name.path(name.index),
          item: "all \(name.count) files of the model, \(path) among them", nearest: nil)
      }
      throw .platform(error)
    }
    return try GGUFHeader(file)
  }

  private static func number(
    _ key: String, of part: GGUFHeader, in range: ClosedRange<Int>
  ) throws(CheckpointError) -> Int? {
    guard let value = part[key] else { return nil }
    guard let number = value.integer, range.contains(number) else {
      throw .malformed(
        file: part.file.path, item: key,
        expected: "an integer from \(range.lowerBound) to \(range.upperBound)", found: value.kind)
    }
    return number
  }

  private static func check(
    _ part: GGUFHeader, _ key: String, is expected: Int
  ) throws(CheckpointError) {
    guard part[key]?.integer == expected else {
      throw .malformed(
        file: part.file.path, item: key, expected: "\(expected), as the file's name says",
        found: part[key]?.kind ?? "none")
    }
  }
}

/// The name of one file of several.
struct PartName: Equatable {
  /// What stands before the numbers.
  let stem: String
  /// From 1.
  let index: Int
  let count: Int

  /// Nil for a path that does not end in `-00001-of-00003.gguf`.
  init?(_ path: String) {
    let suffix = ".gguf"
    guard path.hasSuffix(suffix) else { return nil }
    let parts = path.dropLast(suffix.count).split(
      separator: "-", omittingEmptySubsequences: false)
    guard parts.count >= 4, parts[parts.count - 2] == "of",
      let index = Self.number(parts[parts.count - 3]),
      let count = Self.number(parts[parts.count - 1]),
      (1...max(count, 1)).contains(index)
    else { return nil }
    stem = parts.dropLast(3).joined(separator: "-")
    self.index = index
    self.count = count
  }

  /// The path of the file with this number.
  func path(_ index: Int) -> String {
    "\(stem)-\(Self.padded(index))-of-\(Self.padded(count)).gguf"
  }

  static func padded(_ number: Int) -> String {
    let digits = "\(number)"
    return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
  }

  /// Five digits.
  private static func number(_ text: Substring) -> Int? {
    guard text.utf8.count == 5, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
      return nil
    }
    return Int(text)
  }
}
