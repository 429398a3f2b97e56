import DemoModel
import Evaluation
import Models
import Operators
import Platform
import Quantization
import Tensors
import Tokenizers

/// The texts that jobs calibrate, measure and time with.
extension Laboratory {
  /// Windows of the calibration text, cut to the model's context.
  func calibrationWindows(
    _ held: OpenModel, _ options: CalibrationOptions
  ) throws -> [[Int32]] {
    guard let tokenizer = held.tokenizer else {
      throw EngineError.notText(model: held.summary.name)
    }
    let source = try text(
      options.text, builtIn: \.calibrationText, name: "the built-in text", tokenizer,
      chatFor: options.chat == true ? held.summary.name : nil)
    let length = min(options.length, held.summary.shape.context)
    return try source.windows(count: options.samples, length: length, seed: options.seed)
  }

  /// A user's text, or one of the built-in ones.
  ///
  /// - Parameter model: the model whose chat template the lines of a user's text go through; nil for a plain text.
  func text(
    _ path: String?, builtIn: (DemoModel) -> String, name: String, _ tokenizer: Tokenizer,
    chatFor model: String? = nil
  ) throws -> TextSource {
    if let path, let model {
      return try ChatText(path: path, tokenizer: tokenizer, model: model).source()
    }
    if let path { return try TextSource.file(path, tokenizer: tokenizer) }
    let demo = try DemoModel(locator: locator)
    return try TextSource.builtIn(builtIn(demo), name: name, tokenizer: tokenizer)
  }

  /// Windows of the built-in evaluation text.
  func evaluationWindows(_ held: OpenModel, count: Int) throws -> TextWindows {
    guard let tokenizer = held.tokenizer else {
      throw EngineError.notText(model: held.summary.name)
    }
    let source = try text(nil, builtIn: \.evaluationText, name: "built-in", tokenizer)
    return try windows(source, held, tokenizer, count: count)
  }

  /// Windows of the calibration text in the order it has, for choosing by.
  func probeWindows(
    _ held: OpenModel, _ calibration: CalibrationOptions, count: Int
  ) throws -> TextWindows {
    guard let tokenizer = held.tokenizer else {
      throw EngineError.notText(model: held.summary.name)
    }
    let source = try text(
      calibration.text, builtIn: \.calibrationText, name: "the built-in text", tokenizer,
      chatFor: calibration.chat == true ? held.summary.name : nil)
    return try windows(source, held, tokenizer, count: count)
  }

  private func windows(
    _ source: TextSource, _ held: OpenModel, _ tokenizer: Tokenizer, count: Int
  ) throws -> TextWindows {
    try TextWindows(
      source.ids, protocol: .llamaCpp, window: 256, context: held.summary.shape.context,
      bos: tokenizer.addedBegin(), most: max(1, count), text: source.name)
  }

  /// Token ids to time a model with: of the built-in text, or any where there is no tokenizer.
  func timedIDs(_ held: OpenModel) throws -> [Int32] {
    let vocabulary = held.summary.shape.vocabularySize
    guard let tokenizer = held.tokenizer else {
      return (0..<4096).map { Int32(($0 * 7919) % vocabulary) }
    }
    return try text(nil, builtIn: \.evaluationText, name: "built-in", tokenizer).ids
      .filter { $0 < vocabulary }
  }
}

extension Tokenizer {
  /// The token that the tokenizer itself puts before a text, by the model's own rule; nil where it puts none.
  func addedBegin() throws -> Int32? {
    let first = try encode("a", addSpecialTokens: true).first
    return try first == encode("a").first ? nil : first
  }
}
