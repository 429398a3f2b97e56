import DemoModel
import Evaluation
import Models
import Platform
import Tokenizers

/// What is scored: the windows of a text, or those of recorded logits.
struct EvaluatedText {
  var windows: TextWindows
  var name: String
  /// What was recorded of the baseline; nil where it runs here.
  var recorded: BaseLogitsFile?

  /// - Throws: `EngineError.notText`; `EvaluationError` for a text that is too short, and for a file of logits that is
  ///   damaged, of another vocabulary, of another text, or longer in its windows than the model's context.
  init(_ options: EvaluationOptions, of held: Laboratory.OpenModel, in laboratory: Laboratory)
    throws
  {
    guard let tokenizer = held.tokenizer else {
      throw EngineError.notText(model: held.summary.name)
    }
    func source() throws -> TextSource {
      try laboratory.text(
        options.text, builtIn: \.evaluationText, name: "the built-in evaluation text", tokenizer,
        chatFor: options.chat == true ? held.summary.name : nil)
    }
    let bos = try tokenizer.addedBegin()
    guard let path = options.logits else {
      let source = try source()
      windows = try TextWindows(
        source.ids, protocol: options.protocol, window: options.window,
        context: held.summary.shape.context, bos: bos,
        begin: options.begin ?? Self.rule(held, bos), most: options.windows, text: source.name)
      name = source.name
      return
    }
    let file = try BaseLogitsFile(path: path)
    recorded = file
    windows = TextWindows(file, bos: bos, most: options.windows)
    name = "the text of \(file.name)"
    try Self.check(file, options, held)
    if options.text != nil {
      let source = try source()
      try Self.check(file, holds: source)
      name = source.name
    }
  }

  /// Where BOS stands when nobody says: the protocol's place, but in each window of a model that is lost without it.
  private static func rule(_ held: Laboratory.OpenModel, _ bos: Int32?) -> WindowBegin? {
    bos != nil && held.model.configuration.architecture.needsBegin ? .eachWindow : nil
  }

  private static func check(
    _ file: BaseLogitsFile, _ options: EvaluationOptions, _ held: Laboratory.OpenModel
  ) throws {
    func refuse(_ place: String, _ expected: String, _ found: String) -> EvaluationError {
      .badLogits(path: file.path, place: place, expected: expected, found: found)
    }
    let shape = held.summary.shape
    guard file.vocabulary == shape.vocabularySize else {
      throw refuse(
        "its vocabulary", "\(shape.vocabularySize) tokens, those of \(held.summary.name)",
        "\(file.vocabulary)")
    }
    guard file.window <= shape.context else {
      throw refuse(
        "its windows", "\(shape.context) tokens at most, the context of \(held.summary.name)",
        "\(file.window)")
    }
    guard options.protocol == .llamaCpp else {
      throw refuse(
        "its protocol", options.protocol.rawValue, "llama.cpp, the second half of windows scored")
    }
    if let begin = options.begin, begin != .eachWindow {
      throw refuse("its protocol", begin.words, WindowBegin.eachWindow.words)
    }
    if let window = options.window, window != file.window {
      throw refuse("its windows", "\(window) tokens, as asked for", "\(file.window)")
    }
  }

  /// Whether a text begins with the tokens of the file.
  private static func check(_ file: BaseLogitsFile, holds source: TextSource) throws {
    let recorded = file.windows.joined()
    for (place, id) in recorded.enumerated() {
      let own = source.ids.indices.contains(place) ? source.ids[place] : nil
      // Some tokenizers put a token of their own over the first one of each window.
      guard own == id || place % file.window == 0 && own != nil else {
        throw EvaluationError.badLogits(
          path: file.path, place: "token \(place) (window \(place / file.window))",
          expected: own.map { "\($0), as in \(source.name)" }
            ?? "the end of the text: \(source.name) holds \(source.ids.count) tokens",
          found: "\(id)")
      }
    }
  }
}
