/// What one step of a machine computes: all that its time depends on.
package struct ServingStep: Hashable, Sendable, Codable {
  /// Sequences that get one token more.
  package var decodes: Int
  /// Cached tokens that those read, all together.
  package var decodeReads: Double
  /// Tokens of prompts.
  package var chunkTokens: Int
  /// Cached tokens that those read, all together, each its own past and itself.
  package var chunkReads: Double
  /// Prompts they belong to.
  package var chunks: Int

  package init(
    decodes: Int = 0, decodeReads: Double = 0, chunkTokens: Int = 0, chunkReads: Double = 0,
    chunks: Int = 0
  ) {
    self.decodes = decodes
    self.decodeReads = decodeReads
    self.chunkTokens = chunkTokens
    self.chunkReads = chunkReads
    self.chunks = chunks
  }

  /// Tokens that go through the layers.
  package var tokens: Int { decodes + chunkTokens }
  /// Rows that go through the head.
  package var rows: Int { decodes + chunks }

  package var isEmpty: Bool { tokens == 0 }

  /// Adds `count` tokens of a prompt after `start` cached ones.
  package mutating func addChunk(start: Int, count: Int) {
    chunkTokens += count
    let (start, tokens) = (Double(start), Double(count))
    chunkReads += tokens * start + tokens * (tokens + 1) / 2
    chunks += 1
  }
}

/// What bounds the batch of a machine.
package struct ServingLimits: Hashable, Sendable, Codable {
  /// Blocks of cache there are.
  package var blocks: Int
  /// Tokens of a block.
  package var blockTokens: Int
  /// Blocks a sequence takes whatever its length: the latest tokens, where a cache keeps these in full precision.
  package var seatBlocks: Int
  /// Sequences at once.
  package var seats: Int
  /// Tokens of prompts in a step at most.
  package var chunk: Int
  /// Whether prompts share the blocks of what they have in common.
  package var sharesPrefixes: Bool

  package init(
    blocks: Int, blockTokens: Int = 64, seatBlocks: Int = 0, seats: Int = 256, chunk: Int = 512,
    sharesPrefixes: Bool = true
  ) {
    self.blocks = blocks
    self.blockTokens = blockTokens
    self.seatBlocks = seatBlocks
    self.seats = seats
    self.chunk = chunk
    self.sharesPrefixes = sharesPrefixes
  }

  /// Blocks a request takes at its end, alone on the machine.
  package func blocks(of request: ServedRequest) -> Int {
    (request.longest + blockTokens - 1) / blockTokens + seatBlocks
  }
}
