import Platform

/// The residual stream of one sequence between two blocks, `[tokens, hidden]`, in float32.
package final class HiddenStates: @unchecked Sendable {
  // Unchecked: who shares it between threads keeps writers apart, as with any buffer.
  package let tokens: Int
  package let width: Int
  package let pointer: UnsafeMutablePointer<Float>

  /// - Throws: `PlatformError.memoryRefused` with the bytes.
  package init(tokens: Int, width: Int) throws {
    self.tokens = tokens
    self.width = width
    pointer = try HeapMemory.floats(tokens * width)
    pointer.initialize(repeating: 0, count: max(1, tokens * width))
  }

  deinit { pointer.deallocate() }

  /// A copy of the numbers of one token.
  package func values(token: Int) -> [Float] {
    precondition((0..<tokens).contains(token), "token \(token) of \(tokens)")
    return Array(UnsafeBufferPointer(start: pointer + token * width, count: width))
  }

  /// Another with the same content.
  package func copy() throws -> HiddenStates {
    let copy = try HiddenStates(tokens: tokens, width: width)
    copy.pointer.update(from: pointer, count: tokens * width)
    return copy
  }
}
