package import Platform
package import Tensors

/// The list of reference cases in a directory of fixtures: `manifest.json`.
package struct ConformanceManifest: Sendable {
  /// The largest manifest that is read, in bytes.
  package static let byteLimit = 64 << 20

  package let cases: [ConformanceCase]

  /// Reads `manifest.json` in `directory`.
  ///
  /// - Throws: `ConformanceError` that says which file, which item and what was expected.
  package init(directory: String) throws(ConformanceError) {
    let path = directory + "/manifest.json"
    let root: JSONValue
    do throws(PlatformError) {
      let file = try MappedFile(path: path)
      guard file.byteCount <= Self.byteLimit else {
        throw .outOfBounds(
          path: path, offset: 0, count: Self.byteLimit, size: file.byteCount)
      }
      root = try StrictJSON.parse(file.read(at: 0, count: file.byteCount))
    } catch {
      throw .unreadable(path: path, reason: "\(error)")
    }
    guard let list = root.object?["cases"]?.array else {
      throw .malformed(
        file: path, item: "cases", expected: "an array",
        found: root.object?["cases"]?.kind ?? "none")
    }
    var cases: [ConformanceCase] = []
    var seen: Set<String> = []
    for (index, value) in list.enumerated() {
      let item = try ConformanceCase(value, index: index, file: path)
      guard seen.insert(item.id).inserted else { throw .duplicateCase(id: item.id) }
      cases.append(item)
    }
    self.cases = cases
  }
}

/// One reference case: inputs, expected outputs, and how far from them is still right.
package struct ConformanceCase: Sendable {
  /// What the manifest says of one tensor of the case.
  package struct Tensor: Sendable {
    package let name: String
    package let shape: [Int]
    /// nil for a type this build does not read.
    package let dtype: DType?
  }

  package let id: String
  package let method: String
  /// A plain file name in the directory of the manifest.
  package let file: String
  package let sha256: String
  package let source: String
  /// The settings of the method, as the manifest has them.
  package let params: JSONObject
  package let tensors: [Tensor]
  /// Tolerances by the name of the output without `out.`; `*` is for those that are not named.
  package let tolerances: [String: ConformanceTolerance]

  /// Names of the expected outputs, without `out.`.
  package var outputs: [String] {
    tensors.compactMap { $0.name.hasPrefix("out.") ? String($0.name.dropFirst(4)) : nil }
  }

  /// The tolerance of an output; nil when the manifest gives none.
  package func tolerance(_ output: String) -> ConformanceTolerance? {
    tolerances[output] ?? tolerances["*"]
  }

  /// The tensor `name`, with `in.` or `out.`.
  package func tensor(_ name: String) -> Tensor? { tensors.first { $0.name == name } }

  init(_ value: JSONValue, index: Int, file path: String) throws(ConformanceError) {
    let place = "cases[\(index)]"
    func text(_ key: String) throws(ConformanceError) -> String {
      guard let text = value.object?[key]?.string, !text.isEmpty else {
        throw .malformed(
          file: path, item: "\(place).\(key)", expected: "a string",
          found: value.object?[key]?.kind ?? "none")
      }
      return text
    }
    id = try text("id")
    method = try text("method")
    file = try text("file")
    sha256 = try text("sha256").lowercased()
    guard !file.utf8.contains(UInt8(ascii: "/")), !file.utf8.contains(0), file != "..", file != "."
    else {
      throw .malformed(
        file: path, item: "\(place).file", expected: "a file name without folders", found: file)
    }
    source = value.object?["source"]?.string ?? ""
    params = value.object?["params"]?.object ?? JSONObject()
    var tensors: [Tensor] = []
    for member in value.object?["tensors"]?.object?.members ?? [] {
      tensors.append(try Self.tensor(member, place: place, file: path))
    }
    guard tensors.contains(where: { $0.name.hasPrefix("out.") }) else {
      throw .malformed(
        file: path, item: "\(place).tensors", expected: "at least one tensor out.*", found: "none")
    }
    self.tensors = tensors
    var tolerances: [String: ConformanceTolerance] = [:]
    for member in value.object?["tolerance"]?.object?.members ?? [] {
      tolerances[member.name] = try ConformanceTolerance(
        member.value, item: "\(place).tolerance.\(member.name)", file: path)
    }
    self.tolerances = tolerances
  }

  private static func tensor(
    _ member: JSONObject.Member, place: String, file: String
  ) throws(ConformanceError) -> Tensor {
    let item = "\(place).tensors.\(member.name)"
    guard let list = member.value.object?["shape"]?.array,
      let name = member.value.object?["dtype"]?.string
    else {
      throw .malformed(
        file: file, item: item, expected: "a shape and a dtype", found: member.value.kind)
    }
    let shape = list.compactMap(\.integer)
    guard shape.count == list.count, shape.allSatisfy({ $0 >= 0 }) else {
      throw .malformed(
        file: file, item: item + ".shape", expected: "integers of 0 and more", found: "\(shape)")
    }
    return Tensor(name: member.name, shape: shape, dtype: types[name])
  }

  private static let types: [String: DType] = [
    "float64": .f64, "float32": .f32, "float16": .f16, "bfloat16": .bf16, "int64": .i64,
    "int32": .i32, "int16": .i16, "int8": .i8, "uint64": .u64, "uint32": .u32, "uint16": .u16,
    "uint8": .u8, "bool": .bool,
  ]
}
