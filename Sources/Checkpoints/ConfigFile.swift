package import Platform

/// Fields of a model's `config.json`, each bounded before it sizes anything.
///
/// Every error names file, field, what was expected and what was found. An integer must be written as
/// one: `1.0`, `1e3` and `"1"` are refused, since readers disagree about them. What the fields mean is
/// decided by the model.
package struct ConfigFile: Sendable {
  /// The longest file that is read, in bytes.
  package static let byteLimit = 16 << 20

  package let path: String
  package let root: JSONObject
  /// The objects around this one, `rope_scaling.`, empty for the whole file.
  private let prefix: String
  /// What the file calls fields that are asked for under other names.
  private var names: [String: String] = [:]
  /// What fields hold that the file leaves out.
  private var standards: [String: JSONValue] = [:]

  /// Reads the file at `path`.
  package init(path: String) throws(CheckpointError) {
    let json = try CheckpointError.json(at: path, limit: Self.byteLimit)
    try self.init(path: path, json: json)
  }

  /// Takes text that was read from `path` already.
  package init(path: String, text: [UInt8]) throws(CheckpointError) {
    let json = try CheckpointError.json(
      text, file: path, item: "file", limits: StrictJSON.Limits())
    try self.init(path: path, json: json)
  }

  private init(path: String, json: JSONValue) throws(CheckpointError) {
    guard let root = json.object else {
      throw .malformed(file: path, item: "file", expected: "an object", found: json.kind)
    }
    self.init(path: path, root: root, prefix: "")
  }

  private init(path: String, root: JSONObject, prefix: String) {
    self.path = path
    self.root = root
    self.prefix = prefix
  }

  /// The same file, where some fields have other names, and some that are left out have values all the same.
  ///
  /// - Parameters:
  ///   - names: what the file calls a field, by the name it is asked for: `["hidden_size": "n_embd"]`. Errors speak of
  ///     the file's.
  ///   - standards: by the name a field is asked for.
  package func read(
    calling names: [String: String] = [:], standards: [String: JSONValue] = [:]
  ) -> ConfigFile {
    var file = self
    file.names.merge(names) { $1 }
    file.standards.merge(standards) { $1 }
    return file
  }

  /// Whether `name` is there and not null.
  package func has(_ name: String) -> Bool { value(name) != nil }

  // MARK: Fields that must be there

  package func integer(_ name: String, in range: ClosedRange<Int>) throws(CheckpointError) -> Int {
    try required(name, Self.words(range), optionalInteger(name, in: range))
  }

  package func number(_ name: String, in range: ClosedRange<Double>) throws(CheckpointError)
    -> Double
  {
    try required(
      name, "a number from \(range.lowerBound) to \(range.upperBound)",
      optionalNumber(name, in: range))
  }

  package func text(_ name: String) throws(CheckpointError) -> String {
    try required(name, "a string", optionalText(name))
  }

  package func flag(_ name: String) throws(CheckpointError) -> Bool {
    try required(name, "true or false", optionalFlag(name))
  }

  package func object(_ name: String) throws(CheckpointError) -> ConfigFile {
    try required(name, "an object", optionalObject(name))
  }

  // MARK: Fields that may be absent or null

  package func optionalInteger(_ name: String, in range: ClosedRange<Int>) throws(CheckpointError)
    -> Int?
  {
    guard let value = value(name) else { return nil }
    guard let integer = value.integer, range.contains(integer) else {
      throw mismatch(name, Self.words(range), value)
    }
    return integer
  }

  package func optionalNumber(_ name: String, in range: ClosedRange<Double>)
    throws(CheckpointError) -> Double?
  {
    guard let value = value(name) else { return nil }
    guard let number = value.double, range.contains(number) else {
      throw mismatch(name, "a number from \(range.lowerBound) to \(range.upperBound)", value)
    }
    return number
  }

  package func optionalText(_ name: String) throws(CheckpointError) -> String? {
    guard let value = value(name) else { return nil }
    guard let text = value.string else { throw mismatch(name, "a string", value) }
    return text
  }

  package func optionalFlag(_ name: String) throws(CheckpointError) -> Bool? {
    guard let value = value(name) else { return nil }
    guard let flag = value.bool else { throw mismatch(name, "true or false", value) }
    return flag
  }

  package func optionalObject(_ name: String) throws(CheckpointError) -> ConfigFile? {
    guard let value = value(name) else { return nil }
    guard let object = value.object else { throw mismatch(name, "an object", value) }
    return ConfigFile(path: path, root: object, prefix: prefix + name + ".")
  }

  /// The strings of an array; empty when absent.
  package func texts(_ name: String) throws(CheckpointError) -> [String] {
    guard let value = value(name) else { return [] }
    guard let items = value.array else { throw mismatch(name, "an array of strings", value) }
    var texts: [String] = []
    for item in items {
      guard let text = item.string else { throw mismatch(name, "an array of strings", item) }
      texts.append(text)
    }
    return texts
  }

  /// One integer or an array of them (as `eos_token_id` may be); empty when absent.
  package func integers(_ name: String, in range: ClosedRange<Int>) throws(CheckpointError)
    -> [Int]
  {
    guard let value = value(name) else { return [] }
    var integers: [Int] = []
    for item in value.array ?? [value] {
      guard let integer = item.integer, range.contains(integer) else {
        throw mismatch(name, Self.words(range), item)
      }
      integers.append(integer)
    }
    return integers
  }

  /// An array of numbers, as the factors of a scaled rotary embedding; empty when absent.
  package func numbers(_ name: String, in range: ClosedRange<Double>) throws(CheckpointError)
    -> [Double]
  {
    guard let value = value(name) else { return [] }
    guard let items = value.array else { throw mismatch(name, "an array of numbers", value) }
    var numbers: [Double] = []
    for item in items {
      guard let number = item.double, range.contains(number) else {
        throw mismatch(name, "numbers from \(range.lowerBound) to \(range.upperBound)", item)
      }
      numbers.append(number)
    }
    return numbers
  }

  /// An error about the field `name`, for checks that only the model can make.
  package func mismatch(_ name: String, _ expected: String, _ found: JSONValue?) -> CheckpointError
  {
    .malformed(
      file: path, item: prefix + (names[name] ?? name), expected: expected,
      found: found?.kind ?? "none")
  }

  private func value(_ name: String) -> JSONValue? {
    guard let value = root[names[name] ?? name], value != .null else { return standards[name] }
    return value
  }

  private func required<Value>(_ name: String, _ expected: String, _ value: Value?)
    throws(CheckpointError) -> Value
  {
    guard let value else { throw mismatch(name, expected, root[name]) }
    return value
  }

  private static func words(_ range: ClosedRange<Int>) -> String {
    "an integer from \(range.lowerBound) to \(range.upperBound)"
  }
}
