import Platform

/// What a model's folder says of its tokenizer in other files: the ends of a text, and chat templates.
///
/// From tokenizer_config.json; chat_template.jinja goes before the templates that the configuration holds, as in
/// `transformers` 5. Files of a folder additional_chat_templates are not read.
struct TokenizerConfig {
  var bos: String?
  var eos: String?
  var addsBOS: Bool?
  var addsEOS: Bool?
  var templates = ChatTemplates()

  /// Where no file says it: the names that the large families use.
  static let usualBOS = ["<s>", "<|begin_of_text|>", "<bos>", "<|startoftext|>", "<|endoftext|>"]
  static let usualEOS = ["</s>", "<|end_of_text|>", "<eos>", "<|endoftext|>", "<|im_end|>"]

  init() {}

  init(directory: String) throws(TokenizerError) {
    let name = "tokenizer_config.json"
    if let text = try Tokenizer.read(directory + "/" + name) {
      let root = try Tokenizer.borrowing(text) { bytes throws(TokenizerError) in
        try JSONFields(parsing: bytes, file: name)
      }
      bos = try Self.token(root, "bos_token")
      eos = try Self.token(root, "eos_token")
      addsBOS = try root.optional("add_bos_token")?.value.bool
      addsEOS = try root.optional("add_eos_token")?.value.bool
      try readTemplates(root)
    }
    let file = ChatTemplates.fileName
    if let text = try Tokenizer.read(directory + "/" + file) {
      guard let template = String(validating: text, as: UTF8.self) else {
        throw .malformed(file: file, field: "the file", expected: "UTF-8", found: "other bytes")
      }
      templates = ChatTemplates(standard: template, named: [:])
    }
  }

  /// A template alone, or several with their names.
  private mutating func readTemplates(_ root: JSONFields) throws(TokenizerError) {
    guard let field = try root.optional("chat_template") else { return }
    if let text = field.value.string {
      templates.standard = text
      return
    }
    for entry in try field.items() {
      let (name, text) = (try entry.string("name"), try entry.string("template"))
      if name == "default" { templates.standard = text } else { templates.named[name] = text }
    }
  }

  /// A token is written as a string or as an object with its content.
  private static func token(
    _ root: JSONFields, _ name: String
  ) throws(TokenizerError) -> String? {
    guard let field = try root.optional(name) else { return nil }
    if let text = field.value.string { return text }
    return try field.string("content")
  }
}

/// The chat templates of a model as they are written, in Jinja.
package struct ChatTemplates: Equatable, Sendable {
  /// The file in which `transformers` keeps a template of its own.
  package static let fileName = "chat_template.jinja"

  /// The template for messages.
  package var standard: String?
  /// Others, such as `tool_use`.
  package var named: [String: String]

  package init(standard: String? = nil, named: [String: String] = [:]) {
    self.standard = standard
    self.named = named
  }

  package var isEmpty: Bool { standard == nil && named.isEmpty }
}
