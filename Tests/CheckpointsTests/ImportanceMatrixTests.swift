import Checkpoints
import Tensors
import TestSupport
import Testing

/// Blocks that are weighed by an importance matrix, and the files that hold one.
@Suite struct ImportanceMatrixTests {
  private func encode(
    _ numbers: [Float], _ type: GGUFTensorType, _ importance: [Float]?
  ) -> [UInt8] {
    let count = type.byteCount(of: numbers.count) ?? 0
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      numbers.withUnsafeBufferPointer { source in
        guard let base = buffer.baseAddress else { return }
        if let importance {
          importance.withUnsafeBufferPointer {
            GGUFBlockWriter.encode(source, as: type, importance: $0.baseAddress, into: base)
          }
        } else {
          GGUFBlockWriter.encode(source, as: type, into: base)
        }
      }
      filled = count
    }
  }

  private func decode(_ bytes: [UInt8], _ type: GGUFTensorType, count: Int) -> [Float] {
    bytes.withUnsafeBytes { bytes in
      [Float](unsafeUninitializedCapacity: count) { buffer, filled in
        if let source = bytes.baseAddress, let target = buffer.baseAddress {
          GGUFBlocks.decode(type, at: source, count: count, into: target)
        }
        filled = count
      }
    }
  }

  /// Rows of 512 numbers and what ggml's own quantizer makes of them (`Tests/Peers/importance_blocks.py`): sub-blocks of
  /// zeros, of one number, of numbers so small that their scale becomes 0, and channels that count nothing among them.
  private static func fixture() throws -> Checkpoint {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast()
    return try Checkpoint(
      path: parts.joined(separator: "/") + "/Fixtures/ggml-importance.safetensors")
  }

  @Test(arguments: GGUFBlockWriter.weightedTypes)
  func weighedBytesAreThoseOfGGML(type: GGUFTensorType) throws {
    let fixture = try Self.fixture()
    let numbers = try fixture.view("in.W").floats()
    let importance = try fixture.view("in.importance").floats()
    let expected = try fixture.view("weighed.\(type)").elements(as: UInt8.self)
    let rowBytes = try #require(type.byteCount(of: 512))
    for row in 0..<numbers.count / 512 {
      let own = Array(numbers[row * 512..<row * 512 + 512])
      let found = encode(own, type, importance)
      #expect(found == Array(expected[row * rowBytes..<(row + 1) * rowBytes]), "row \(row)")
      // What counts is met better than without the matrix, summed over the row.
      func loss(_ bytes: [UInt8]) -> Double {
        zip(zip(own, decode(bytes, type, count: 512)), importance).reduce(0) {
          $0 + Double($1.1) * Double($1.0.0 - $1.0.1) * Double($1.0.0 - $1.0.1)
        }
      }
      #expect(loss(found) <= loss(encode(own, type, nil)) * 1.01, "row \(row)")
    }
  }

  @Test(arguments: [GGUFTensorType.q2K, .q3K, .q4K, .q5K, .q6K])
  func bytesWithoutAMatrixAreThoseOfGGMLToo(type: GGUFTensorType) throws {
    let fixture = try Self.fixture()
    let numbers = try fixture.view("in.W").floats()
    #expect(
      try encode(numbers, type, nil) == fixture.view("plain.\(type)").elements(as: UInt8.self))
  }

  /// Numbers that are none, and channels that all count nothing, fill their bytes and nothing traps.
  @Test(arguments: GGUFBlockWriter.weightedTypes)
  func oddNumbersAreWritten(type: GGUFTensorType) {
    for odd: Float in [
      0, .nan, .infinity, -.infinity, .greatestFiniteMagnitude, .leastNonzeroMagnitude,
    ] {
      let numbers = [odd] + (1..<256).map { Float($0 % 7) - 3 }
      for weight: Float in [0, 1, 1e30, 1e-30] {
        let bytes = encode(numbers, type, [Float](repeating: weight, count: 256))
        #expect(bytes.count == 256 / type.blockElements * type.blockBytes)
      }
    }
  }

  // MARK: Files

  private static func matrix(_ path: String) -> ImportanceMatrix {
    ImportanceMatrix(
      path: path,
      entries: [
        "blk.0.attn_q.weight": .init(sums: [2, 4, 0, 8], counts: [2]),
        "blk.0.ffn_up_exps.weight": .init(sums: [3, 6, 0, 0], counts: [3, 0]),
      ], datasets: ["a text"], chunks: 5, chunkSize: 128)
  }

  @Test func aFileComesBack() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("imatrix.gguf")
    try Self.matrix(path).write()
    let read = try ImportanceMatrix(path: path)
    #expect(read == Self.matrix(path))
    #expect(try read.weights(of: "blk.0.attn_q.weight", columns: 4) == [1, 2, 0, 4])
    // An expert that no token went through counts every channel the same.
    #expect(
      try read.weights(of: "blk.0.ffn_up_exps.weight", columns: 2, matrices: 2) == [1, 2, 1, 1])
    #expect(try read.weights(of: "blk.1.attn_q.weight", columns: 4) == nil)
    // As llama.cpp names and shapes them.
    let file = try GGUFFile(path: path)
    #expect(file.tensor("blk.0.ffn_up_exps.weight.in_sum2")?.shape.dimensions == [2, 2])
    #expect(file.tensor("blk.0.ffn_up_exps.weight.counts")?.shape.dimensions == [2, 1])
    #expect(file["general.type"]?.text == "imatrix")
    #expect(file["imatrix.chunk_count"]?.integer == 5)
  }

  private func refusal(_ body: () throws -> Void) -> String {
    do {
      try body()
      return ""
    } catch { return "\(error)" }
  }

  @Test func wrongFilesAreRefusedWithTheReason() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("imatrix.gguf")
    func words(_ change: (inout ImportanceMatrix) -> Void) -> String {
      refusal {
        var matrix = Self.matrix(path)
        change(&matrix)
        try matrix.write()
        _ = try ImportanceMatrix(path: path)
      }
    }
    let name = "blk.0.attn_q.weight"
    let odd: [(ImportanceMatrix.Entry, String)] = [
      (.init(sums: [2, .nan, 0, 8], counts: [2]), "\(name).in_sum2, number 1: expected 0"),
      (.init(sums: [2, 4, 0, -1], counts: [2]), "found -1.0"),
      (.init(sums: [0, 0, 0, 0], counts: [2]), "found zeros alone"),
      (.init(sums: [2, 4, 0, 8], counts: [.infinity]), "\(name).counts, number 0"),
    ]
    for (entry, expected) in odd {
      let found = words { $0.entries[name] = entry }
      #expect(found.contains(expected), "\(found)")
    }
    let empty = words { $0.entries = [:] }
    #expect(empty.contains("ends in .in_sum2"), "\(empty)")
    try Self.matrix(path).write()
    let read = try ImportanceMatrix(path: path)
    #expect(
      refusal { _ = try read.weights(of: name, columns: 8) }
        .contains("expected 8 channels of one matrix, as the model has them, found 4 of 1"))
    // A model is no matrix, nor is the form that llama-imatrix once wrote.
    let model = folder.path("model.gguf")
    let writer = try GGUFWriter(
      path: model, metadata: [.init(key: "general.type", value: .string(Array("model".utf8)))],
      tensors: [.init(name: "a", type: .f32, shape: Shape(checking: [1]))])
    try writer.write("a", floats: [1])
    try writer.commit()
    #expect(refusal { _ = try ImportanceMatrix(path: model) }.contains("general.type: expected"))
    let old = try folder.file("imatrix.dat", "\u{1}\u{0}\u{0}\u{0}attn_q")
    #expect(refusal { _ = try ImportanceMatrix(path: old) }.contains("GGUF"))
    #expect(!refusal { _ = try ImportanceMatrix(path: folder.path("none")) }.isEmpty)
  }
}
