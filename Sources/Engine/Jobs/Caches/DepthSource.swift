import DemoModel
import Models
import Tokenizers

/// The documents that are read to a depth.
struct DepthSource {
  var name: String
  var documents: [[Int32]]
  /// Put over the first token of a window; nil where documents begin with their own.
  var bos: Int32?

  /// A user's file is one document; the built-in text has many, which are joined where none reaches `least` tokens.
  init(_ path: String?, least: Int, laboratory: Laboratory, _ tokenizer: Tokenizer) throws {
    if let path {
      let source = try TextSource.file(path, tokenizer: tokenizer)
      name = source.name
      documents = [source.ids]
      bos = try tokenizer.addedBegin()
      return
    }
    name = "the built-in evaluation text"
    let begin = TextSource.begin(tokenizer)
    documents = try TextSource.documents(
      DemoModel(locator: laboratory.locator).evaluationText
    ).map { try (begin.map { [$0] } ?? []) + tokenizer.encode($0, addSpecialTokens: false) }
    guard !documents.contains(where: { $0.count >= least }) else { return }
    name += ", its documents joined"
    documents = [documents.flatMap { $0 }]
    bos = begin
  }

  /// The last part of a path.
  static func name(_ path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }
}
