import Platform

/// A graph of ONNX in the making: nodes, inputs, outputs, and initializers that lie in a file of their own.
///
/// Fields are numbered as in onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
struct ONNXGraph {
  /// Types of tensors, as `TensorProto.DataType` numbers them.
  enum ElementType: Int {
    case float = 1
    case byte = 2
  }

  private let dataFile: String
  private var body = ProtobufWriter()
  private var inputs: Set<Int> = []
  /// Where initializers begin in their file: what maps them wants whole pages.
  private static let alignment = 4096

  init(dataFile: String) { self.dataFile = dataFile }

  /// Adds numbers at the end of the file of initializers.
  mutating func add(
    _ name: String, _ type: ElementType, _ dimensions: [Int], _ bytes: UnsafeRawBufferPointer,
    _ file: WholeFileWriter
  ) throws {
    let start = (file.byteCount + Self.alignment - 1) / Self.alignment * Self.alignment
    try file.write(bytes, at: start)
    var tensor = ProtobufWriter()
    for dimension in dimensions { tensor.number(1, dimension) }
    tensor.number(2, type.rawValue)
    tensor.text(8, name)
    for (key, value) in [
      ("location", dataFile), ("offset", "\(start)"), ("length", "\(bytes.count)"),
    ] {
      var entry = ProtobufWriter()
      entry.text(1, key)
      entry.text(2, value)
      tensor.message(13, entry)
    }
    tensor.number(14, 1)
    body.message(5, tensor)
  }

  /// Adds an input of `columns` numbers a token where there is none; yields its name.
  mutating func input(columns: Int) -> String {
    let name = "input_\(columns)"
    if inputs.insert(columns).inserted { body.message(11, Self.value(name, columns)) }
    return name
  }

  /// Adds a node with one output of `columns` numbers a token.
  mutating func add(
    operator kind: String, _ name: String, inputs: [String], output: String, columns: Int,
    attributes: [(name: String, value: Int)]
  ) {
    var node = ProtobufWriter()
    for input in inputs { node.text(1, input) }
    node.text(2, output)
    node.text(3, name)
    node.text(4, kind)
    for (name, value) in attributes {
      var attribute = ProtobufWriter()
      attribute.text(1, name)
      attribute.number(3, value)
      attribute.number(20, 2)
      node.message(5, attribute)
    }
    node.text(7, "com.microsoft")
    body.message(1, node)
    body.message(12, Self.value(output, columns))
  }

  /// The bytes of the model.
  func model() -> [UInt8] {
    var graph = body
    graph.text(2, "linear layers")
    var model = ProtobufWriter()
    model.number(1, 8)
    model.text(2, "nibble")
    model.message(7, graph)
    for (domain, version) in [("", 17), ("com.microsoft", 1)] {
      var set = ProtobufWriter()
      set.text(1, domain)
      set.number(2, version)
      model.message(8, set)
    }
    return model.bytes
  }

  /// Float32 of `[tokens, columns]`.
  private static func value(_ name: String, _ columns: Int) -> ProtobufWriter {
    var tokens = ProtobufWriter()
    tokens.text(2, "tokens")
    var width = ProtobufWriter()
    width.number(1, columns)
    var shape = ProtobufWriter()
    shape.message(1, tokens)
    shape.message(1, width)
    var tensor = ProtobufWriter()
    tensor.number(1, ElementType.float.rawValue)
    tensor.message(2, shape)
    var type = ProtobufWriter()
    type.message(1, tensor)
    var value = ProtobufWriter()
    value.text(1, name)
    value.message(2, type)
    return value
  }
}

/// A message of protocol buffers in the making.
struct ProtobufWriter {
  private(set) var bytes: [UInt8] = []

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  /// A whole number of 0 and more.
  mutating func number(_ field: Int, _ value: Int) {
    varint(UInt64(field) << 3)
    varint(UInt64(max(0, value)))
  }

  mutating func text(_ field: Int, _ text: String) { append(field, Array(text.utf8)) }

  mutating func message(_ field: Int, _ message: ProtobufWriter) { append(field, message.bytes) }

  private mutating func append(_ field: Int, _ content: [UInt8]) {
    varint(UInt64(field) << 3 | 2)
    varint(UInt64(content.count))
    bytes += content
  }
}
