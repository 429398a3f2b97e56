/// How byte-level vocabularies of GGUF files cut a text, by the name that `tokenizer.ggml.pre` gives it.
///
/// Each name stands for the stages of the tokenizer.json that it was converted from. Only names are here whose cut tests hold
/// against vocabularies, or against the pattern that the family's own library ships; others are refused with the nearest.
struct GGUFPreTokenizer: Sendable {
  /// The patterns, one after the other; each isolates its matches.
  let patterns: [String]
  /// Whether signs of punctuation are cut out first, neighbours together.
  var cutsPunctuation = false
  /// Whether a word that is a token is taken whole, whatever the merges say.
  var ignoresMerges = false
  /// Whether a beginning is put before a text where the file does not say.
  var addsBOS = false

  /// Names that are known, for messages.
  static var names: [String] { all.keys.sorted() }

  static func named(_ name: String) -> GGUFPreTokenizer? { all[name] }

  private static let all: [String: GGUFPreTokenizer] = {
    var all: [String: GGUFPreTokenizer] = [:]
    for (names, known) in families { for name in names { all[name] = known } }
    return all
  }()

  private static let families: [([String], GGUFPreTokenizer)] = [
    (["gpt-2"], .init(patterns: [gpt2])),
    (["starcoder", "smollm"], .init(patterns: [#"\p{N}"#, gpt2])),
    (["falcon"], .init(patterns: [gpt2, "[0-9][0-9][0-9]"], cutsPunctuation: true)),
    (
      // Three spellings of one name.
      ["llama-bpe", "llama3", "llama-v3"],
      .init(patterns: [gpt4(digits: #"\p{N}{1,3}"#)], ignoresMerges: true, addsBOS: true)
    ),
    (["qwen2"], .init(patterns: [gpt4(digits: #"\p{N}"#)])),
    (
      ["tekken"],
      .init(patterns: [o200k(ends: "", digits: #"\p{N}"#)], ignoresMerges: true, addsBOS: true)
    ),
    (
      ["gpt-4o"],
      .init(patterns: [o200k(ends: "(?i:'s|'t|'re|'ve|'m|'ll|'d)?", digits: #"\p{N}{1,3}"#)])
    ),
    (
      ["deepseek-v3"],
      .init(patterns: [
        #"\p{N}{1,3}"#, "[一-龥\u{3040}-ゟ゠-ヿ]+",
        ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"##
          + #"| ?[\p{P}\p{S}]+[\r\n]*"# + blanks,
      ])
    ),
  ]

  /// Names whose cut llama.cpp takes for that of a known one, which no vocabulary here has shown.
  private static let alike = [
    "mpt": "gpt-2", "olmo": "gpt-2", "jais": "gpt-2", "refact": "starcoder",
    "command-r": "starcoder", "codeshell": "starcoder", "exaone": "starcoder",
    "falcon3": "llama-bpe", "lfm2": "llama-bpe", "dbrx": "llama-bpe", "smaug-bpe": "llama-bpe",
    "deepseek-r1-qwen": "qwen2", "stablelm2": "qwen2", "llama4": "gpt-4o",
  ]

  /// The known name that a text cut by another one is most likely cut alike with; nil where none is near.
  static func nearest(to name: String) -> String? {
    if let known = alike[name] { return known }
    let scored = names.map { known in (known, zip(name, known).prefix { $0 == $1 }.count) }
    return scored.max { $0.1 < $1.1 }.flatMap { $0.1 >= 3 ? $0.0 : nil }
  }

  private static let gpt2 = SplitPattern.gpt2.text

  private static func gpt4(digits: String) -> String {
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits
      + #"| ?[^\s\p{L}\p{N}]+[\r\n]*"# + blanks
  }

  private static func o200k(ends: String, digits: String) -> String {
    let upper = #"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"#
    let lower = #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"#
    let lead = #"[^\r\n\p{L}\p{N}]?"#
    return "\(lead)\(upper)*\(lower)+\(ends)|\(lead)\(upper)+\(lower)*\(ends)|\(digits)"
      + #"| ?[^\s\p{L}\p{N}]+[\r\n/]*"# + blanks
  }

  private static let blanks = #"|\s*[\r\n]+|\s+(?!\S)|\s+"#
}
