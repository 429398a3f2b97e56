import Checkpoints
import Tensors

/// ggml's blocks: the bytes that weights become, and the values that bytes stand for.
///
/// An output's first part is ggml's name of the type: `q4_0`, `q4_K`.
package enum GGMLBlockConformance: ConformanceFamily {
  package static func claims(_ item: ConformanceCase) -> Bool { item.method == "format:GGUF" }

  package static func run(_ run: inout ConformanceRun) throws {
    let weights = try run.fixture.floats("in.W")
    for output in run.item.outputs {
      let parts = output.split(separator: ".")
      guard parts.count == 2, let type = GGMLBlocks.type(String(parts[0])) else {
        run.skip(output, because: "this build does not know its type")
        continue
      }
      switch parts[1] {
      case "blocks" where GGUFBlockWriter.types.contains(type):
        try run.check(output, GGMLBlocks.encode(weights, as: type))
      case "blocks":
        run.skip(output, because: "this build reads \(parts[0]) and does not write it")
      case "dequant":
        // Asked for from the blocks of the fixture, not from one's own.
        let bytes = try run.fixture.view("out.\(parts[0]).blocks").elements(as: UInt8.self)
        let count = try run.fixture.view("out." + output).shape.elementCount
        try run.check(output, Array(GGMLBlocks.decode(bytes, as: type).prefix(count)))
      default:
        run.skip(output, because: "it is neither blocks nor dequant")
      }
    }
  }
}

/// ggml's blocks as arrays.
enum GGMLBlocks {
  /// The type ggml calls `name`.
  static func type(_ name: String) -> GGUFTensorType? {
    GGUFTensorType.allCases.first { type in
      let plain = "\(type)".lowercased().filter { $0 != "_" }
      return type.blockElements > 1 && plain == name.lowercased().filter { $0 != "_" }
    }
  }

  /// The blocks of `values`.
  static func encode(_ values: [Float], as type: GGUFTensorType) throws -> [UInt8] {
    guard let count = type.byteCount(of: values.count) else {
      throw ConformanceError.unsupported("\(values.count) numbers are no whole blocks of \(type)")
    }
    return values.withUnsafeBufferPointer { values in
      [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
        if let base = buffer.baseAddress { GGUFBlockWriter.encode(values, as: type, into: base) }
        filled = count
      }
    }
  }

  /// The values of whole blocks.
  static func decode(_ bytes: [UInt8], as type: GGUFTensorType) throws -> [Float] {
    guard bytes.count % type.blockBytes == 0 else {
      throw ConformanceError.unsupported("\(bytes.count) bytes are no whole blocks of \(type)")
    }
    let count = bytes.count / type.blockBytes * type.blockElements
    return bytes.withUnsafeBytes { bytes in
      [Float](unsafeUninitializedCapacity: count) { buffer, filled in
        if let source = bytes.baseAddress, let target = buffer.baseAddress {
          GGUFBlocks.decode(type, at: source, count: count, into: target)
        }
        filled = count
      }
    }
  }
}
