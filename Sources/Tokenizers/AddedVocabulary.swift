/// Tokens that are found in a text before it is cut into words: special ones and additions to a model.
struct AddedVocabulary: Sendable {
  struct Token: Equatable, Sendable {
    var content: [UInt8]
    var id: Int32
    /// Control tokens, left out when text is made.
    var isSpecial = false
    /// Found only where no word goes on at either side.
    var isSingleWord = false
    /// Takes the blanks before it.
    var stripsLeft = false
    /// Takes the blanks after it.
    var stripsRight = false
    /// Sought in the normalized text.
    var isNormalized = false
  }

  /// A part of a text: a token, or what stands between tokens.
  struct Part: Equatable, Sendable {
    var range: Range<Int>
    var id: Int32?
  }

  private let tokens: [Int32: Token]
  /// What each token is in a text: tokens that are sought in normalized text, normalized themselves.
  private let surfaces: [Int32: [UInt8]]
  private let plain: TokenSearch
  private let normalized: TokenSearch

  /// All tokens by their ids.
  var byID: [Int32: Token] { tokens }

  /// Contents and ids are unique; that the reader checks.
  init(_ tokens: [Token], normalizer: Normalizer?) {
    self.tokens = Dictionary(tokens.map { ($0.id, $0) }) { first, _ in first }
    let sought = tokens.map { token in
      guard token.isNormalized, let normalizer else { return token }
      var token = token
      token.content = normalizer.normalize(token.content)
      return token
    }
    surfaces = Dictionary(sought.map { ($0.id, $0.content) }) { first, _ in first }
    plain = TokenSearch(sought.filter { !$0.isNormalized })
    normalized = TokenSearch(sought.filter(\.isNormalized))
  }

  /// What a token becomes when text is made, or nil when it is none of these.
  func surface(_ id: Int32) -> [UInt8]? { surfaces[id] }

  func isSpecial(_ id: Int32) -> Bool { tokens[id]?.isSpecial ?? false }

  /// Cuts raw text, which is valid UTF-8, at the tokens that are sought there.
  func split(_ text: UnsafeBufferPointer<UInt8>) -> [Part] { plain.split(text) }

  /// Cuts normalized text at the tokens that are sought there.
  func split(normalized text: UnsafeBufferPointer<UInt8>) -> [Part] { normalized.split(text) }
}
