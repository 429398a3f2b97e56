import Platform

/// The stages around the model, each an object with a `type`.
extension TokenizerJSON {
  static func readNormalizer(_ stage: JSONFields) throws(TokenizerError) -> Normalizer {
    switch try stage.string("type") {
    case let type where NormalizationForm(rawValue: type) != nil:
      return .form(NormalizationForm(rawValue: type) ?? .c)
    case "Lowercase": return .lowercasing
    case "Prepend": return .prepending(Array(try stage.string("prepend").utf8))
    case "Replace":
      let (pattern, content) = try replacement(stage)
      return .replacing(pattern, with: content)
    case "Strip":
      return .strippingSpace(
        left: try stage.flag("strip_left", default: true),
        right: try stage.flag("strip_right", default: true))
    case "Sequence":
      var steps: [Normalizer] = []
      for step in try stage.required("normalizers").items() {
        steps.append(try readNormalizer(step))
      }
      return .sequence(steps)
    case let other: throw stage.unsupported(type: other)
    }
  }

  static func readPreTokenizer(_ stage: JSONFields) throws(TokenizerError) -> PreTokenizer {
    switch try stage.string("type") {
    case "ByteLevel":
      return .byteLevel(
        addsPrefixSpace: try stage.flag("add_prefix_space", default: true),
        splits: try stage.flag("use_regex", default: true))
    case "Split": return try readSplit(stage)
    case "Punctuation": return .punctuation(try readBehavior(stage, default: .isolated))
    case "Digits":
      return .digits(individual: try stage.flag("individual_digits", default: false))
    case "Metaspace":
      return .metaspace(
        replacement: Array(try stage.string("replacement").utf8),
        prepends: try prefixScheme(stage), splits: try stage.flag("split", default: true))
    case "Sequence":
      var steps: [PreTokenizer] = []
      for step in try stage.required("pretokenizers").items() {
        steps.append(try readPreTokenizer(step))
      }
      return .sequence(steps)
    case let other: throw stage.unsupported(type: other)
    }
  }

  private static func readSplit(_ stage: JSONFields) throws(TokenizerError) -> PreTokenizer {
    let behavior = try readBehavior(stage)
    let isInverted = try stage.flag("invert", default: false)
    let pattern = try stage.required("pattern")
    if let text = try pattern.optionalString("Regex") {
      do throws(PatternError) {
        return .pattern(try SplitPattern(text), behavior, isInverted: isInverted)
      } catch {
        throw .unsupported(
          file: stage.file, field: "\(pattern.path).Regex", found: error.words(text))
      }
    }
    let literal = Array(try pattern.string("String").utf8)
    guard !literal.isEmpty else { throw pattern.wrong("a string that is not empty") }
    return .literal(literal, behavior, isInverted: isInverted)
  }

  private static func readBehavior(
    _ stage: JSONFields, default: PreTokenizer.Behavior? = nil
  ) throws(TokenizerError) -> PreTokenizer.Behavior {
    let name = try stage.optionalString("behavior") ?? `default`?.rawValue
    guard let behavior = name.flatMap(PreTokenizer.Behavior.init) else {
      throw .unsupported(
        file: stage.file, field: "\(stage.path).behavior",
        found: name.map { Vocabulary.quoted($0.utf8) } ?? "none")
    }
    return behavior
  }

  static func readPostProcessor(_ stage: JSONFields) throws(TokenizerError) -> PostProcessor {
    switch try stage.string("type") {
    case "ByteLevel": return PostProcessor()
    case "TemplateProcessing": return try readTemplate(stage)
    case "BertProcessing", "RobertaProcessing":
      return PostProcessor(prefix: [try namedID(stage, "cls")], suffix: [try namedID(stage, "sep")])
    case "Sequence":
      var result = PostProcessor()
      for step in try stage.required("processors").items() {
        result = result.followed(by: try readPostProcessor(step))
      }
      return result
    case let other: throw stage.unsupported(type: other)
    }
  }

  /// `["<s>", 1]`.
  private static func namedID(_ stage: JSONFields, _ name: String) throws(TokenizerError) -> Int32 {
    let field = try stage.required(name)
    guard let items = field.value.array, items.count == 2, let wide = items[1].integer,
      let id = Int32(exactly: wide)
    else { throw field.wrong("a token and its id") }
    return id
  }

  private static func readTemplate(_ stage: JSONFields) throws(TokenizerError) -> PostProcessor {
    var result = PostProcessor()
    var isBehindText = false
    for piece in try stage.required("single").items() {
      if let special = try piece.optional("SpecialToken") {
        let ids = try specialIDs(try special.string("id"), stage)
        if isBehindText { result.suffix += ids } else { result.prefix += ids }
      } else {
        let name = try piece.required("Sequence").string("id")
        guard name == "A", !isBehindText else { throw piece.wrong("the text A once") }
        isBehindText = true
      }
    }
    guard isBehindText else { throw try stage.required("single").wrong("the text A once") }
    return result
  }

  private static func specialIDs(
    _ name: String, _ stage: JSONFields
  ) throws(TokenizerError) -> [Int32] {
    let list = try stage.required("special_tokens").required(name).required("ids")
    var ids: [Int32] = []
    for item in try list.items() {
      guard let wide = item.value.integer, let id = Int32(exactly: wide) else {
        throw item.wrong("an id")
      }
      ids.append(id)
    }
    return ids
  }

  static func readDecoder(_ stage: JSONFields) throws(TokenizerError) -> Decoder {
    switch try stage.string("type") {
    case "ByteLevel": return .byteLevel
    case "ByteFallback": return .byteFallback
    case "Fuse": return .fuse
    case "Strip":
      return .strip(
        content: Array(try stage.string("content").utf8),
        start: try stage.count("start"), stop: try stage.count("stop"))
    case "Replace":
      let (pattern, content) = try replacement(stage)
      return .replace(pattern, with: content)
    case "Metaspace":
      return .metaspace(
        replacement: Array(try stage.string("replacement").utf8),
        dropsFirst: try prefixScheme(stage) != .never)
    case "Sequence":
      var steps: [Decoder] = []
      for step in try stage.required("decoders").items() { steps.append(try readDecoder(step)) }
      return .sequence(steps)
    case let other: throw stage.unsupported(type: other)
    }
  }

  private static func replacement(
    _ stage: JSONFields
  ) throws(TokenizerError) -> (pattern: [UInt8], content: [UInt8]) {
    let pattern = try stage.required("pattern")
    if let text = try pattern.optionalString("Regex") {
      throw .unsupported(file: stage.file, field: "\(pattern.path).Regex", found: text)
    }
    let literal = Array(try pattern.string("String").utf8)
    guard !literal.isEmpty else { throw pattern.wrong("a string that is not empty") }
    return (literal, Array(try stage.string("content").utf8))
  }

  /// Older files say `add_prefix_space`, newer ones `prepend_scheme`.
  private static func prefixScheme(
    _ stage: JSONFields
  ) throws(TokenizerError) -> PreTokenizer.PrefixScheme {
    switch try stage.optionalString("prepend_scheme") {
    case "always": return .always
    case "first": return .first
    case "never": return .never
    case nil: return try stage.flag("add_prefix_space", default: true) ? .always : .never
    case let other?:
      throw .malformed(
        file: stage.file, field: "\(stage.path).prepend_scheme",
        expected: "always, first or never", found: Vocabulary.quoted(other.utf8))
    }
  }
}
