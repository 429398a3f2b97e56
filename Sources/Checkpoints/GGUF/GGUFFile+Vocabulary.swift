import Platform
package import Tokenizers

extension GGUFFile {
  /// The tokenizer that the metadata describes, for `Tokenizer.init(gguf:)`.
  ///
  /// - Throws: `CheckpointError` naming the key where one is missing or of another type.
  package func vocabulary() throws(CheckpointError) -> GGUFVocabulary {
    let prefix = "tokenizer.ggml."
    let model = try text(prefix + "model")
    if model == "no_vocab" || model == "none" {
      throw .missing(
        file: file.path, item: prefix + "tokens (the file says it has none)", nearest: nil)
    }
    guard let tokens = try strings(prefix + "tokens") else {
      throw .missing(file: file.path, item: prefix + "tokens", nearest: nil)
    }
    var vocabulary = GGUFVocabulary(file: file.path, model: model, tokens: tokens)
    vocabulary.pre = try optionalText(prefix + "pre")
    vocabulary.merges = try strings(prefix + "merges")
    if let value = self[prefix + "scores"] {
      guard let scores = value.array?.floats() else {
        throw mismatch(prefix + "scores", "an array of f32", value)
      }
      vocabulary.scores = scores
    }
    if let value = self[prefix + "token_type"] {
      guard let kinds = value.array?.integers() else {
        throw mismatch(prefix + "token_type", "an array of integers", value)
      }
      vocabulary.kinds = kinds
    }
    let ids = 0...Int(UInt32.max)
    vocabulary.bosID = try optionalInteger(prefix + "bos_token_id", in: ids)
    vocabulary.eosID = try optionalInteger(prefix + "eos_token_id", in: ids)
    vocabulary.unknownID = try optionalInteger(prefix + "unknown_token_id", in: ids)
    vocabulary.addsBOS = try optionalFlag(prefix + "add_bos_token")
    vocabulary.addsEOS = try optionalFlag(prefix + "add_eos_token")
    vocabulary.addsSpacePrefix = try optionalFlag(prefix + "add_space_prefix")
    vocabulary.templates = try chatTemplates()
    return vocabulary
  }

  /// The tokenizer of the file, ready to run.
  package func tokenizer() throws -> Tokenizer { try Tokenizer(gguf: vocabulary()) }

  /// `tokenizer.chat_template`, and those with a name of their own after it.
  private func chatTemplates() throws(CheckpointError) -> ChatTemplates {
    let key = "tokenizer.chat_template"
    var templates = ChatTemplates(standard: try optionalText(key))
    for entry in entries where entry.key.hasPrefix(key + ".") {
      templates.named[String(entry.key.dropFirst(key.count + 1))] = try text(entry.key)
    }
    return templates
  }

  private func strings(_ key: String) throws(CheckpointError) -> [[UInt8]]? {
    guard let value = self[key] else { return nil }
    guard let array = value.array, array.type == .string else {
      throw mismatch(key, "an array of strings", value)
    }
    return (0..<array.count).map { Array(array.string(at: $0) ?? []) }
  }
}
