/// A tokenizer.model: the file that SentencePiece trains (Kudo and Richardson 2018).
///
/// Read from the protobuf `ModelProto` of its source; what changes no id is skipped.
struct SentencePieceModel: Sendable {
  enum Algorithm: Sendable { case unigram, bytePairEncoding }

  /// What a piece is for.
  enum Kind: UInt64, Sendable {
    case normal = 1
    case unknown, control, userDefined, unused, byte
  }

  struct Piece: Sendable {
    var text: [UInt8] = []
    var score: Float = 0
    var kind = Kind.normal
  }

  /// How text is rewritten before it is cut.
  struct Normalization: Sendable {
    var characterMap: [UInt8] = []
    var addsDummyPrefix = true
    var removesExtraSpace = true
    var escapesSpace = true
    /// The dummy blank stands at the end instead.
    var putsSpaceLast = false
  }

  /// Longer pieces are refused.
  static let longestPiece = 4096

  private(set) var pieces: [Piece] = []
  private(set) var algorithm = Algorithm.unigram
  private(set) var fallsBackToBytes = false
  private(set) var normalization = Normalization()
  private(set) var unknownSurface = Array(" \u{2047} ".utf8)
  private(set) var unknownID: Int32 = 0
  private(set) var bosID: Int32?
  private(set) var eosID: Int32?
  let file: String

  private var bosPiece = Array("<s>".utf8)
  private var eosPiece = Array("</s>".utf8)

  /// Reads the bytes of a tokenizer.model; `file` names it in errors.
  init(_ data: UnsafeRawBufferPointer, file: String) throws(TokenizerError) {
    self.file = file
    var reader = ProtobufReader(data, message: "ModelProto", file: file)
    while let (field, value) = try reader.next() {
      switch (field, value.bytes) {
      case (1, let bytes?): pieces.append(try readPiece(bytes))
      case (2, let bytes?): try readTrainerSpec(bytes)
      case (3, let bytes?): try readNormalizerSpec(bytes)
      case (5, let bytes?): try refuseDenormalizer(bytes)
      case (1...3, nil), (5, nil):
        throw .malformed(
          file: file, field: "ModelProto.\(field)", expected: "a message", found: "a number")
      default: break
      }
    }
    try findSpecialPieces()
  }

  private func readPiece(_ data: UnsafeRawBufferPointer) throws(TokenizerError) -> Piece {
    var piece = Piece()
    var reader = ProtobufReader(data, message: "pieces[\(pieces.count)]", file: file)
    while let (field, value) = try reader.next() {
      switch field {
      case 1: piece.text = value.bytes.map { Array($0) } ?? []
      case 2: piece.score = value.float ?? .nan
      case 3:
        guard let kind = value.number.flatMap(Kind.init) else {
          throw wrong("pieces[\(pieces.count)].type", "a type from 1 to 6", "\(value)")
        }
        piece.kind = kind
      default: break
      }
    }
    guard (1...Self.longestPiece).contains(piece.text.count) else {
      throw wrong(
        "pieces[\(pieces.count)]", "a piece of 1 to \(Self.longestPiece) bytes",
        "\(piece.text.count)")
    }
    guard UTF8Validation.firstInvalidOffset(in: piece.text) == nil else {
      throw wrong("pieces[\(pieces.count)]", "UTF-8", "other bytes")
    }
    guard piece.score.isFinite else {
      throw wrong("pieces[\(pieces.count)].score", "a finite number", "\(piece.score)")
    }
    return piece
  }

  private mutating func readTrainerSpec(_ data: UnsafeRawBufferPointer) throws(TokenizerError) {
    var reader = ProtobufReader(data, message: "trainer_spec", file: file)
    while let (field, value) = try reader.next() {
      switch field {
      case 3:
        switch value.number {
        case 1: algorithm = .unigram
        case 2: algorithm = .bytePairEncoding
        case let other:
          throw .unsupported(
            file: file, field: "trainer_spec.model_type",
            found: other.map { "\($0), neither unigram (1) nor BPE (2)" } ?? "no number")
        }
      case 24: normalization.putsSpaceLast = value.flag ?? false
      case 35: fallsBackToBytes = value.flag ?? false
      case 44: unknownSurface = value.bytes.map { Array($0) } ?? unknownSurface
      case 46: bosPiece = value.bytes.map { Array($0) } ?? bosPiece
      case 47: eosPiece = value.bytes.map { Array($0) } ?? eosPiece
      default: break
      }
    }
    guard UTF8Validation.firstInvalidOffset(in: unknownSurface) == nil else {
      throw wrong("trainer_spec.unk_surface", "UTF-8", "other bytes")
    }
  }

  private mutating func readNormalizerSpec(_ data: UnsafeRawBufferPointer) throws(TokenizerError) {
    var reader = ProtobufReader(data, message: "normalizer_spec", file: file)
    while let (field, value) = try reader.next() {
      switch field {
      case 2: normalization.characterMap = value.bytes.map { Array($0) } ?? []
      case 3: normalization.addsDummyPrefix = value.flag ?? true
      case 4: normalization.removesExtraSpace = value.flag ?? true
      case 5: normalization.escapesSpace = value.flag ?? true
      default: break
      }
    }
  }

  private func refuseDenormalizer(_ data: UnsafeRawBufferPointer) throws(TokenizerError) {
    var reader = ProtobufReader(data, message: "denormalizer_spec", file: file)
    while let (field, value) = try reader.next() {
      if field == 2, value.bytes?.isEmpty == false {
        throw .unsupported(
          file: file, field: "denormalizer_spec.precompiled_charsmap", found: "a map")
      }
    }
  }

  private mutating func findSpecialPieces() throws(TokenizerError) {
    let unknown = pieces.indices.filter { pieces[$0].kind == .unknown }
    guard unknown.count == 1, let id = unknown.first.flatMap({ Int32(exactly: $0) }) else {
      throw wrong("pieces", "one piece of type unknown", "\(unknown.count)")
    }
    unknownID = id
    for (number, piece) in pieces.enumerated() where piece.kind == .control {
      if piece.text == bosPiece { bosID = Int32(exactly: number) }
      if piece.text == eosPiece { eosID = Int32(exactly: number) }
    }
    for (number, piece) in pieces.enumerated() where piece.kind == .byte {
      guard ByteToken.byte(spelledBy: piece.text) != nil else {
        throw wrong(
          "pieces[\(number)]", "<0x00> to <0xFF> for a piece of type byte",
          Vocabulary.quoted(piece.text))
      }
    }
  }

  private func wrong(_ field: String, _ expected: String, _ found: String) -> TokenizerError {
    .malformed(file: file, field: field, expected: expected, found: found)
  }
}
