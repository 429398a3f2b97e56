import Tensors

/// How much each input channel of each tensor counts: what llama.cpp calls an `imatrix`, in its GGUF form.
///
/// For a tensor `T` the file has `T.in_sum2`, the squares of its inputs summed over a text, `[matrices, columns]`, and
/// `T.counts`, the tokens that were summed, `[matrices, 1]`; there is one matrix, or one for each expert. Their quotient
/// weighs errors where blocks are rounded. Format: llama.cpp's `tools/imatrix`.
package struct ImportanceMatrix: Equatable, Sendable {
  /// What is known of one tensor.
  package struct Entry: Equatable, Sendable {
    /// Squares of the inputs, summed, `[matrices, columns]`.
    package var sums: [Float]
    /// Tokens that were summed, `[matrices]`.
    package var counts: [Float]

    package init(sums: [Float], counts: [Float]) {
      self.sums = sums
      self.counts = counts
    }

    package var columns: Int { sums.count / max(1, counts.count) }

    /// Mean squares, `[matrices, columns]`; 1 for an expert that no token went through.
    package var means: [Float] {
      sums.indices.map { index in
        let count = counts[index / columns]
        return count > 0 ? sums[index] / count : 1
      }
    }
  }

  /// Where it lies.
  package var path: String
  /// By the names of a GGUF file, with `.weight`.
  package var entries: [String: Entry]
  /// What the text is called, of each text.
  package var datasets: [String]
  /// Windows of the text, and their tokens; 0 where the file does not say.
  package var chunks: Int
  package var chunkSize: Int

  package init(
    path: String, entries: [String: Entry], datasets: [String], chunks: Int, chunkSize: Int
  ) {
    self.path = path
    self.entries = entries
    self.datasets = datasets
    self.chunks = chunks
    self.chunkSize = chunkSize
  }

  private static let sums = ".in_sum2"
  private static let counts = ".counts"
  private static let type = "imatrix"
  private static let keys = (
    type: "general.type", datasets: "imatrix.datasets", chunks: "imatrix.chunk_count",
    size: "imatrix.chunk_size"
  )

  // MARK: Reading

  /// - Throws: `CheckpointError` with the tensor, what was expected of it and what was found.
  package init(path: String) throws(CheckpointError) {
    let file = try Self.open(path)
    let type = try file.optionalText(Self.keys.type)
    guard type == Self.type else {
      throw .malformed(
        file: path, item: Self.keys.type,
        expected: "\"\(Self.type)\", as llama-imatrix and 'nibble calibration --imatrix' write it",
        found: type.map { "\"\($0.prefix(40))\"" } ?? "none")
    }
    let count = 0...Int(Int32.max)
    self.init(
      path: path, entries: [:], datasets: [],
      chunks: try file.optionalInteger(Self.keys.chunks, in: count) ?? 0,
      chunkSize: try file.optionalInteger(Self.keys.size, in: count) ?? 0)
    if let names = file[Self.keys.datasets]?.array, names.type == .string {
      datasets = (0..<names.count).map {
        String(decoding: names.string(at: $0) ?? [], as: UTF8.self)
      }
    }
    for tensor in file.tensors where tensor.name.hasSuffix(Self.sums) {
      let name = String(tensor.name.dropLast(Self.sums.count))
      guard let counts = file.tensor(name + Self.counts) else {
        throw .missing(file: path, item: "tensor \(name + Self.counts)", nearest: nil)
      }
      entries[name] = try Self.entry(tensor, counts, path)
    }
    guard !entries.isEmpty else {
      throw .missing(file: path, item: "a tensor whose name ends in \(Self.sums)", nearest: nil)
    }
  }

  private static func open(_ path: String) throws(CheckpointError) -> GGUFFile {
    do throws(CheckpointError) { return try GGUFFile(path: path) } catch {
      guard case .malformed(_, "magic", _, let found) = error else { throw error }
      throw .malformed(
        file: path, item: "magic",
        expected: "\"GGUF\", as llama-imatrix writes it with --output-format gguf", found: found)
    }
  }

  private static func entry(
    _ sums: GGUFTensor, _ counts: GGUFTensor, _ path: String
  ) throws(CheckpointError) -> Entry {
    for tensor in [sums, counts] where tensor.type != .f32 {
      throw .malformed(
        file: path, item: "tensor \(tensor.name)", expected: "F32", found: "\(tensor.type)")
    }
    let found = Entry(
      sums: try sums.floats(rows: 0..<sums.rows),
      counts: try counts.floats(rows: 0..<counts.rows).map { $0.rounded() })
    guard !found.counts.isEmpty, found.sums.count % found.counts.count == 0,
      found.counts.count == 1 || sums.rows == found.counts.count
    else {
      throw .malformed(
        file: path, item: "tensor \(counts.name)",
        expected: "a count for each of \(sums.rows) matrices", found: "\(found.counts.count)")
    }
    for (tensor, numbers) in [(sums, found.sums), (counts, found.counts)] {
      guard let index = numbers.firstIndex(where: { !($0 >= 0 && $0.isFinite) }) else { continue }
      throw .malformed(
        file: path, item: "tensor \(tensor.name), number \(index)",
        expected: "0 or more, and finite", found: "\(numbers[index])")
    }
    guard found.sums.contains(where: { $0 > 0 }) else {
      throw .malformed(
        file: path, item: "tensor \(sums.name)", expected: "a channel that counts",
        found: "zeros alone: the text did not reach it")
    }
    return found
  }

  /// What the inputs of a tensor count, `[matrices, columns]`; nil where the file does not know the tensor.
  ///
  /// - Throws: `CheckpointError.malformed` for other sizes.
  package func weights(
    of name: String, columns: Int, matrices: Int = 1
  ) throws(CheckpointError) -> [Float]? {
    guard let entry = entries[name] else { return nil }
    guard entry.columns == columns, entry.counts.count == matrices else {
      throw .malformed(
        file: path, item: "tensor \(name)\(Self.sums)",
        expected: "\(columns) channels of \(matrices == 1 ? "one matrix" : "\(matrices) matrices")"
          + ", as the model has them",
        found: "\(entry.columns) of \(entry.counts.count)")
    }
    return entry.means
  }

  /// The error for a tensor that the file does not know.
  func missing(_ name: String) -> CheckpointError {
    let role = name.split(separator: ".").dropFirst(2).joined(separator: ".")
    return .missing(
      file: path, item: "tensor \(name)\(Self.sums)",
      nearest: entries.keys.sorted().first { $0.hasSuffix("." + role) })
  }

  /// What can be weighed by it, for messages.
  static var weighed: String {
    "weighed are blocks whose scales are searched: "
      + GGUFBlockWriter.weightedTypes.map { "gguf:\($0)" }.joined(separator: ", ")
  }

  // MARK: Writing

  /// Takes in what is known of a layer; an expert's part goes among those of the others.
  package mutating func take(_ entry: Entry, at place: GGUFTensorPlaces.Place) {
    guard place.joining == .experts else {
      entries[place.name] = entry
      return
    }
    let columns = entry.columns
    var all =
      entries[place.name]
      ?? Entry(
        sums: [Float](repeating: 0, count: place.parts * columns),
        counts: [Float](repeating: 0, count: place.parts))
    guard all.columns == columns else { return }
    all.sums.replaceSubrange(place.part * columns..<(place.part + 1) * columns, with: entry.sums)
    all.counts[place.part] = entry.counts[0]
    entries[place.name] = all
  }

  /// Writes the file, whole or not at all; tensors in the order of their names, as llama.cpp has them.
  ///
  /// - Throws: `CheckpointError` for a file that cannot be written.
  package func write() throws {
    let names = entries.keys.sorted()
    let metadata: [GGUFFile.Entry] = [
      .init(key: Self.keys.type, value: .string(Array(Self.type.utf8))),
      .init(
        key: Self.keys.datasets, value: .array(GGUFArray(strings: datasets.map { Array($0.utf8) }))),
      .init(key: Self.keys.chunks, value: .unsigned(UInt64(clamping: chunks), type: .u32)),
      .init(key: Self.keys.size, value: .unsigned(UInt64(clamping: chunkSize), type: .u32)),
    ]
    var tensors: [GGUFWriter.Entry] = []
    for name in names {
      guard let entry = entries[name] else { continue }
      for (ending, columns) in [(Self.sums, entry.columns), (Self.counts, 1)] {
        tensors.append(
          .init(
            name: name + ending, type: .f32,
            shape: try Shape(checking: [entry.counts.count, columns])))
      }
    }
    let writer = try GGUFWriter(path: path, metadata: metadata, tensors: tensors)
    for name in names {
      guard let entry = entries[name] else { continue }
      try writer.write(name + Self.sums, floats: entry.sums)
      try writer.write(name + Self.counts, floats: entry.counts)
    }
    try writer.commit()
  }
}
