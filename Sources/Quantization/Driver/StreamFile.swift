import Checkpoints
import Models
import Platform
import Tensors

/// The live activations between two blocks, bit for bit.
struct StreamFile {
  let path: String

  /// Writes the file whole; yields its checksum.
  func write(_ streams: Quantizer.Streams) throws -> String {
    let parts = [("shifted", streams.shifted), ("plain", streams.plain)]
    let writer = try SafetensorsWriter(
      path: path,
      entries: try parts.map { name, sequences in
        SafetensorsWriter.Entry(
          name: name, dtype: .f32,
          shape: try Shape(checking: [
            sequences.reduce(0) { $0 + $1.tokens }, sequences.first?.width ?? 0,
          ]))
      })
    for (name, sequences) in parts {
      for sequence in sequences {
        try writer.write(
          name,
          UnsafeRawBufferPointer(
            UnsafeBufferPointer(start: sequence.pointer, count: sequence.tokens * sequence.width)))
      }
    }
    try writer.commit()
    return "\(try SafetensorsFile(path: path).file.checksum)"
  }

  /// Reads sequences of the given lengths from the file that was written.
  func read(checksum: String, lengths: [Int], width: Int) throws -> Quantizer.Streams {
    let file = try SafetensorsFile(path: path)
    let found = "\(file.file.checksum)"
    guard found == checksum else {
      throw QuantizationError.checkpointDamaged(
        folder: path, reason: "expected the checksum \(checksum), found \(found)")
    }
    func sequences(_ name: String, _ lengths: [Int]) throws -> [HiddenStates] {
      let tokens = lengths.reduce(0, +)
      guard let tensor = file.tensors.first(where: { $0.name == name }),
        tensor.shape == (try Shape(checking: [tokens, tokens > 0 ? width : 0]))
      else {
        throw QuantizationError.checkpointDamaged(
          folder: path, reason: "expected \(name) of \(tokens) tokens x \(width) channels")
      }
      let view = try tensor.view()
      var first = 0
      return try lengths.map { length in
        let sequence = try HiddenStates(tokens: length, width: width)
        view.copyFloats(
          elements: first * width..<(first + length) * width, into: sequence.pointer)
        first += length
        return sequence
      }
    }
    func holds(_ name: String) -> Bool {
      file.tensors.contains { $0.name == name && $0.shape.elementCount > 0 }
    }
    let compared = holds("plain") ? Quantizer.compared(lengths) : 0
    return Quantizer.Streams(
      shifted: try sequences("shifted", holds("shifted") ? lengths : []),
      plain: try sequences("plain", Array(lengths.prefix(compared))))
  }
}
