import Platform
import Tensors
import Tokenizers

/// The metadata of a GGUF file that is written: sizes and constants of the model, its tokenizer, and what the types are.
///
/// Keys are those of llama.cpp's `gguf-py/gguf/constants.py`. Of a model that was a GGUF file everything is copied but what
/// the types and the parts of that file were.
struct GGUFMetadata {
  let architecture: String
  let facts: ModelFacts
  /// `general.file_type`: the type of most layers.
  let type: GGUFTensorType
  /// What is noted of how the model was made, as JSON text.
  let notes: String
  /// The importance matrix that rounding was weighed by; nil for none.
  let importance: ImportanceMatrix?
  /// The tokenizer; nil where the model has none, or its file's is copied.
  let vocabulary: GGUFVocabulary?

  /// - Throws: `TokenizerError` for a tokenizer that the format cannot hold.
  init(
    architecture: String, facts: ModelFacts, type: GGUFTensorType, notes: String,
    importance: ImportanceMatrix? = nil
  ) throws(TokenizerError) {
    self.architecture = architecture
    self.facts = facts
    self.type = type
    self.notes = notes
    self.importance = importance
    guard facts.source == nil, let directory = facts.directory else {
      vocabulary = nil
      return
    }
    do throws(TokenizerError) {
      vocabulary = try GGUFVocabulary(
        directory: directory, size: facts.vocabularySize, begin: facts.beginToken,
        end: facts.endToken)
    } catch {
      guard case .notFound = error else { throw error }
      vocabulary = nil
    }
  }

  /// - Throws: `CheckpointError` for what the format has no key for.
  func entries() throws(CheckpointError) -> [GGUFFile.Entry] {
    var entries: [GGUFFile.Entry] = []
    func add(_ key: String, _ value: GGUFValue) { entries.append(.init(key: key, value: value)) }
    if let source = facts.source {
      let dropped = ["general.file_type", "general.quantization_version", "general.alignment"]
      entries = source.entries.filter {
        !dropped.contains($0.key) && !$0.key.hasPrefix("split.") && $0.key != Self.notesKey
          && !$0.key.hasPrefix("quantize.imatrix.")
      }
    } else {
      add("general.architecture", Self.text(architecture))
      add("general.type", Self.text("model"))
      add("general.name", Self.text(facts.name))
      entries += try sizes() + rotation() + particulars()
    }
    add("general.quantization_version", Self.whole(2))
    add("general.file_type", Self.whole(Self.fileTypes[type] ?? 0))
    add(Self.notesKey, Self.text(notes))
    if let importance { entries += Self.provenance(importance) }
    if facts.source == nil {
      entries +=
        vocabulary.map(Self.tokenizer)
        ?? [.init(key: "tokenizer.ggml.model", value: Self.text("no_vocab"))]
    }
    return entries
  }

  /// Where importance came from, under llama-quantize's keys.
  private static func provenance(_ importance: ImportanceMatrix) -> [GGUFFile.Entry] {
    let prefix = "quantize.imatrix."
    let name = importance.path.split(separator: "/").last.map(String.init) ?? importance.path
    return [.init(key: prefix + "file", value: text(name))]
      + importance.datasets.prefix(1).map { .init(key: prefix + "dataset", value: text($0)) } + [
        .init(key: prefix + "entries_count", value: whole(importance.entries.count)),
        .init(key: prefix + "chunks_count", value: whole(importance.chunks)),
      ]
  }

  private static let notesKey = "nibble.made"

  /// `llama_ftype` of a file whose layers are mostly of one type.
  private static let fileTypes: [GGUFTensorType: Int] = [
    .f32: 0, .f16: 1, .q4_0: 2, .q4_1: 3, .q8_0: 7, .q5_0: 8, .q5_1: 9, .q2K: 10, .q3K: 11,
    .q4K: 14, .q5K: 16, .q6K: 18, .iq4NL: 25, .iq4XS: 30, .bf16: 32, .mxfp4: 38, .nvfp4: 39,
  ]

  private func key(_ name: String) -> String { architecture + "." + name }

  private func sizes() -> [GGUFFile.Entry] {
    [
      ("block_count", facts.blocks), ("context_length", facts.context),
      ("embedding_length", facts.hiddenSize), ("feed_forward_length", facts.intermediateSize),
      ("attention.head_count", facts.heads), ("attention.head_count_kv", facts.kvHeads),
      ("attention.key_length", facts.headDimension), ("vocab_size", facts.vocabularySize),
      ("attention.value_length", facts.headDimension),
    ].map { .init(key: key($0.0), value: Self.whole($0.1)) }
      + [
        .init(
          key: key("attention.layer_norm_rms_epsilon"), value: Self.number(facts.normEpsilon))
      ]
  }

  private func rotation() throws(CheckpointError) -> [GGUFFile.Entry] {
    if let found = facts.unwritten {
      throw .unsupported(
        file: facts.name, item: "model", found: found,
        known: "known is what the keys of GGUF files say")
    }
    var entries: [GGUFFile.Entry] = [
      .init(key: key("rope.freq_base"), value: Self.number(facts.rotaryBase)),
      .init(
        key: key("rope.dimension_count"),
        value: Self.whole(facts.rotatedChannels ?? facts.headDimension)),
    ]
    func add(_ name: String, _ value: GGUFValue) {
      entries.append(.init(key: key("rope.scaling." + name), value: value))
    }
    if let yarn = facts.rotaryYarn {
      add("type", Self.text("yarn"))
      add("factor", Self.number(yarn.factor))
      add("original_context_length", Self.whole(yarn.originalContext))
      add("yarn_beta_fast", Self.number(yarn.fast))
      add("yarn_beta_slow", Self.number(yarn.slow))
    }
    if let long = facts.rotaryLong {
      add("type", Self.text("longrope"))
      add("attn_factor", Self.number(long.magnitude))
      add("original_context_length", Self.whole(long.originalContext))
    }
    if let factor = facts.rotaryLinear {
      entries.append(.init(key: key("rope.scaling.type"), value: Self.text("linear")))
      entries.append(.init(key: key("rope.scaling.factor"), value: Self.number(factor)))
    }
    return entries
  }

  private func particulars() -> [GGUFFile.Entry] {
    var entries: [GGUFFile.Entry] = []
    if let experts = facts.experts {
      entries += [
        ("expert_count", experts.count), ("expert_used_count", experts.active),
        ("expert_feed_forward_length", experts.width),
      ].map { .init(key: key($0.0), value: Self.whole($0.1)) }
    }
    if let window = facts.window {
      entries.append(.init(key: key("attention.sliding_window"), value: Self.whole(window)))
    }
    for (field, name) in [
      ("attn_logit_softcapping", "attn_logit_softcapping"),
      ("final_logit_softcapping", "final_logit_softcapping"),
      ("logits_scaling", "logit_scale"), ("residual_multiplier", "residual_scale"),
      ("embedding_multiplier", "embedding_scale"), ("attention_multiplier", "attention.scale"),
    ] {
      guard let number = facts.particulars[field] else { continue }
      entries.append(.init(key: key(name), value: Self.number(number)))
    }
    return entries
  }

  /// What the vocabulary says, under `tokenizer.ggml`.
  static func tokenizer(_ vocabulary: GGUFVocabulary) -> [GGUFFile.Entry] {
    let prefix = "tokenizer.ggml."
    var entries: [GGUFFile.Entry] = []
    func add(_ key: String, _ value: GGUFValue?) {
      if let value { entries.append(.init(key: prefix + key, value: value)) }
    }
    add("model", text(vocabulary.model))
    add("pre", vocabulary.pre.map(text))
    add("tokens", .array(GGUFArray(strings: vocabulary.tokens)))
    add("scores", vocabulary.scores.map { .array(GGUFArray(floats: $0)) })
    add(
      "token_type",
      vocabulary.kinds.map { .array(GGUFArray(integers: $0.map { Int32(truncatingIfNeeded: $0) })) }
    )
    add("merges", vocabulary.merges.map { .array(GGUFArray(strings: $0)) })
    add("bos_token_id", vocabulary.bosID.map(whole))
    add("eos_token_id", vocabulary.eosID.map(whole))
    add("unknown_token_id", vocabulary.unknownID.map(whole))
    add("add_bos_token", vocabulary.addsBOS.map { .bool($0) })
    add("add_eos_token", vocabulary.addsEOS.map { .bool($0) })
    add("add_space_prefix", vocabulary.addsSpacePrefix.map { .bool($0) })
    if let template = vocabulary.templates.standard {
      entries.append(.init(key: "tokenizer.chat_template", value: text(template)))
    }
    for (name, template) in vocabulary.templates.named.sorted(by: { $0.key < $1.key }) {
      entries.append(.init(key: "tokenizer.chat_template.\(name)", value: text(template)))
    }
    return entries
  }

  private static func text(_ text: String) -> GGUFValue { .string(Array(text.utf8)) }
  private static func whole(_ number: Int) -> GGUFValue {
    .unsigned(UInt64(clamping: number), type: .u32)
  }
  private static func number(_ number: Double) -> GGUFValue {
    .float(Double(Float(number)), type: .f32)
  }
}
