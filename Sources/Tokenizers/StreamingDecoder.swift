/// Text from ids that come one at a time, such as a model makes them.
///
/// A character whose last bytes have not come is held back. The pieces put together are the text of all
/// ids together, except that a wrong byte becomes U+FFFD by the rules of `String`.
package struct StreamingDecoder: Sendable {
  private let tokenizer: Tokenizer
  private let skippingSpecialTokens: Bool
  /// The last ids: what the next one becomes can depend on those before it.
  private var window: [Int32] = []
  /// How many bytes of the window have been taken.
  private var taken = 0
  /// Bytes of an unfinished character.
  private var held: [UInt8] = []

  /// Longer windows are cut in half; only runs of blanks get there.
  private static let longestWindow = 64

  package init(_ tokenizer: Tokenizer, skippingSpecialTokens: Bool = true) {
    self.tokenizer = tokenizer
    self.skippingSpecialTokens = skippingSpecialTokens
  }

  /// The text that `id` completes, which may be empty.
  package mutating func append(_ id: Int32) -> String {
    window.append(id)
    let bytes = tokenizer.decodeBytes(window, skippingSpecialTokens: skippingSpecialTokens)
    held += bytes.dropFirst(taken)
    taken = bytes.count
    shorten(bytes)
    return flush(all: false)
  }

  /// What is still held back; the text ends here.
  package mutating func finish() -> String { flush(all: true) }

  /// Once the newest id alone decodes to more than blanks, those before it no longer matter.
  private mutating func shorten(_ bytes: [UInt8]) {
    guard let newest = window.last else { return }
    let alone = tokenizer.decodeBytes([newest], skippingSpecialTokens: skippingSpecialTokens)
    if alone.contains(where: { $0 != 0x20 }) {
      window = [newest]
      taken = alone.count
    } else if window.count > Self.longestWindow {
      window.removeFirst(Self.longestWindow / 2)
      taken = tokenizer.decodeBytes(window, skippingSpecialTokens: skippingSpecialTokens).count
    }
  }

  private mutating func flush(all: Bool) -> String {
    var end = held.count
    if !all {
      held.withUnsafeBufferPointer { held in
        var position = 0
        while position < held.count {
          switch UTF8Validation.character(in: held, at: position) {
          case .complete(let length): position += length
          case .invalid: position += 1
          case .cutShort:
            end = position
            return
          }
        }
      }
    }
    let text = String(decoding: held[..<end], as: UTF8.self)
    held.removeFirst(end)
    return text
  }
}
