import Glibc
import Platform

extension Tokenizer {
  /// A larger file is no tokenizer.
  private static let largestFile = 1 << 28

  /// Reads the tokenizer of a model's folder: tokenizer.json, or else tokenizer.model.
  ///
  /// tokenizer_config.json, where it is there, names the beginning and the end of a text and holds the chat template,
  /// unless chat_template.jinja does. Whether a beginning is put before a text is said by tokenizer.json itself;
  /// for tokenizer.model by `add_bos_token` of the configuration.
  ///
  /// - Throws: `TokenizerError` naming the file and the field.
  package static func load(directory: String) throws(TokenizerError) -> Tokenizer {
    let config = try TokenizerConfig(directory: directory)
    if let text = try read(directory + "/tokenizer.json") {
      return try Tokenizer(json: text, file: "tokenizer.json", config: config)
    }
    if let data = try read(directory + "/tokenizer.model") {
      return try Tokenizer(sentencePiece: data, file: "tokenizer.model", config: config)
    }
    throw .notFound(directory: directory, expected: ["tokenizer.json", "tokenizer.model"])
  }

  /// Reads one tokenizer file; a name that ends in `.model` means SentencePiece.
  package static func load(file: String) throws(TokenizerError) -> Tokenizer {
    guard let data = try read(file) else {
      throw .unreadable(file: file, reason: "there is no such file")
    }
    return file.hasSuffix(".model")
      ? try Tokenizer(sentencePiece: data, file: file) : try Tokenizer(json: data, file: file)
  }

  /// A tokenizer from the text of a tokenizer.json; `file` names it in errors.
  package init(json text: [UInt8], file: String) throws(TokenizerError) {
    try self.init(json: text, file: file, config: TokenizerConfig())
  }

  /// A tokenizer from the bytes of a SentencePiece model; `file` names it in errors.
  package init(sentencePiece data: [UInt8], file: String) throws(TokenizerError) {
    try self.init(sentencePiece: data, file: file, config: TokenizerConfig())
  }

  private init(json text: [UInt8], file: String, config: TokenizerConfig) throws(TokenizerError) {
    let read = try Self.borrowing(text) { bytes throws(TokenizerError) in
      try TokenizerJSON(bytes, file: file)
    }
    let pipeline = HuggingFacePipeline(read)
    func special(_ configured: String?, _ usual: [String]) -> Int32? {
      if let configured { return pipeline.id(of: Array(configured.utf8)) }
      return usual.lazy.compactMap { pipeline.id(of: Array($0.utf8)) }.first {
        pipeline.isSpecial($0)
      }
    }
    let bos = special(config.bos, TokenizerConfig.usualBOS)
    self.init(
      pipeline,
      // What the file itself puts before a text is the surest.
      bosID: config.bos == nil ? read.postProcessor.prefix.first ?? bos : bos,
      eosID: special(config.eos, TokenizerConfig.usualEOS), templates: config.templates)
  }

  private init(
    sentencePiece data: [UInt8], file: String, config: TokenizerConfig
  ) throws(TokenizerError) {
    let model = try Self.borrowing(data) { bytes throws(TokenizerError) in
      try SentencePieceModel(bytes, file: file)
    }
    let pipeline = try SentencePiecePipeline(
      model, ends: .init(addsBOS: config.addsBOS ?? true, addsEOS: config.addsEOS ?? false))
    self.init(
      pipeline,
      bosID: config.bos.flatMap { pipeline.id(of: Array($0.utf8)) } ?? model.bosID,
      eosID: config.eos.flatMap { pipeline.id(of: Array($0.utf8)) } ?? model.eosID,
      templates: config.templates)
  }

  /// `withUnsafeBytes` with a typed error.
  static func borrowing<Result>(
    _ bytes: [UInt8],
    _ body: (UnsafeRawBufferPointer) throws(TokenizerError) -> Result
  ) throws(TokenizerError) -> Result {
    let result: Swift.Result<Result, TokenizerError> = bytes.withUnsafeBytes { bytes in
      do throws(TokenizerError) { return .success(try body(bytes)) } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// The bytes of a file, or nil when there is none.
  static func read(_ path: String) throws(TokenizerError) -> [UInt8]? {
    do throws(PlatformError) {
      let file = try MappedFile(path: path)
      guard file.byteCount <= largestFile else {
        throw PlatformError.outOfBounds(
          path: path, offset: 0, count: largestFile, size: file.byteCount)
      }
      return try file.read(at: 0, count: file.byteCount)
    } catch {
      if case .system("open", _, ENOENT) = error { return nil }
      throw .unreadable(file: path, reason: "\(error)")
    }
  }
}
