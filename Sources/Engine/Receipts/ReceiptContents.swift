import Checkpoints
import DemoModel
import FoundationEssentials
package import Platform
import Wording

/// Models and texts by their content.
package struct ReceiptContents {
  /// What a text is read for.
  enum Use: String {
    case calibration
    case evaluation
  }

  let locator: ResourceLocator
  /// Told the file that is hashed.
  let log: (String) -> Void

  package init(locator: ResourceLocator, log: @escaping (String) -> Void = { _ in }) {
    self.locator = locator
    self.log = log
  }

  /// A model by the files of its weights: the digest of their names and digests.
  ///
  /// - Parameter path: nil for the built-in model.
  /// - Throws: what reading its files throws.
  func model(_ name: String, _ path: String?) throws -> Receipt.Model {
    let stored = try StoredModel(path: try path ?? DemoModel(locator: locator).directory)
    var lines = ""
    var bytes = 0
    for file in try stored.files().sorted(by: { $0.path < $1.path }) {
      let name = file.path.split(separator: "/").last.map(String.init) ?? ""
      log("Hashing \(name), \(Quantity.bytes(file.byteCount))")
      lines += "\(name) \(SHA256.hexDigest(file.bytes))\n"
      bytes += file.byteCount
    }
    let digest = Array(lines.utf8).withUnsafeBytes { SHA256.hexDigest($0) }
    return Receipt.Model(
      name: name, path: path.map(Self.absolute), sha256: digest, bytes: bytes)
  }

  /// - Parameter path: nil for the built-in one.
  func text(_ use: Use, _ path: String?) throws -> Receipt.Text {
    let demo = try DemoModel(locator: locator)
    let file = try MappedFile(
      path: path ?? (use == .calibration ? demo.calibrationText : demo.evaluationText))
    return Receipt.Text(
      use: use.rawValue, name: path.map(Self.absolute) ?? Self.builtIn,
      sha256: SHA256.hexDigest(file.bytes))
  }

  /// What built-in texts are called.
  private static let builtIn = "built-in"

  /// Holds what a receipt names against what is there now.
  ///
  /// - Parameter path: where the model is now; nil for where the receipt says.
  /// - Throws: `EngineError.otherContent` for the first that is another; what reading throws.
  package func check(_ receipt: Receipt, model path: String? = nil) throws {
    func compare(_ what: String, _ expected: String, _ found: String) throws {
      guard expected != found else { return }
      throw EngineError.otherContent(what: what, expected: expected, found: found)
    }
    let place = path ?? receipt.model.path
    try compare(
      "the weights of \(place ?? "the built-in model")", receipt.model.sha256,
      model(receipt.model.name, place).sha256)
    if let against = receipt.against {
      try compare(
        "the weights of \(against.path ?? "the built-in model")", against.sha256,
        model(against.name, against.path).sha256)
    }
    for known in receipt.texts {
      guard let use = Use(rawValue: known.use) else { continue }
      let now = try text(use, known.name == Self.builtIn ? nil : known.name)
      try compare("the \(known.use) text \(known.name)", known.sha256, now.sha256)
    }
  }

  private static func absolute(_ path: String) -> String {
    path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
  }
}
