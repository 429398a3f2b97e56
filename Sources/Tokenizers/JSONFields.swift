import Platform

/// A JSON value and where it stands, so that what is wrong can be named.
struct JSONFields {
  let value: JSONValue
  /// Names from the root, separated by dots; empty for the root.
  let path: String
  let file: String

  init(value: JSONValue, path: String, file: String) {
    self.value = value
    self.path = path
    self.file = file
  }

  /// Reads a JSON text; `file` names it in errors.
  init(parsing text: UnsafeRawBufferPointer, file: String) throws(TokenizerError) {
    do throws(PlatformError) {
      self.init(value: try StrictJSON.parse(text), path: "", file: file)
    } catch {
      throw .unreadable(file: file, reason: "\(error)")
    }
  }

  /// The member `name`, nil when it is not there or null.
  func optional(_ name: String) throws(TokenizerError) -> JSONFields? {
    guard let object = value.object else { throw wrong("an object") }
    guard let member = object[name], member != .null else { return nil }
    return JSONFields(value: member, path: path.isEmpty ? name : "\(path).\(name)", file: file)
  }

  func required(_ name: String) throws(TokenizerError) -> JSONFields {
    guard let member = try optional(name) else {
      throw .malformed(
        file: file, field: path.isEmpty ? name : "\(path).\(name)", expected: "a value",
        found: "none")
    }
    return member
  }

  func string(_ name: String) throws(TokenizerError) -> String {
    let member = try required(name)
    guard let text = member.value.string else { throw member.wrong("a string") }
    return text
  }

  func optionalString(_ name: String) throws(TokenizerError) -> String? {
    guard let member = try optional(name) else { return nil }
    guard let text = member.value.string else { throw member.wrong("a string") }
    return text
  }

  func flag(_ name: String, default: Bool) throws(TokenizerError) -> Bool {
    guard let member = try optional(name) else { return `default` }
    guard let flag = member.value.bool else { throw member.wrong("true or false") }
    return flag
  }

  /// A small number of things.
  func count(_ name: String) throws(TokenizerError) -> Int {
    let member = try required(name)
    guard let count = member.value.integer, (0...65_536).contains(count) else {
      throw member.wrong("an integer in 0...65536")
    }
    return count
  }

  /// The items of an array.
  func items() throws(TokenizerError) -> [JSONFields] {
    guard let items = value.array else { throw wrong("an array") }
    return items.enumerated().map { position, item in
      JSONFields(value: item, path: "\(path)[\(position)]", file: file)
    }
  }

  /// The error that something else stands here.
  func wrong(_ expected: String) -> TokenizerError {
    .malformed(
      file: file, field: path.isEmpty ? "the file" : path, expected: expected, found: value.kind)
  }

  /// The error that a stage of this type is not executed here.
  func unsupported(type: String) -> TokenizerError {
    .unsupported(file: file, field: "\(path).type", found: Vocabulary.quoted(type.utf8))
  }
}
