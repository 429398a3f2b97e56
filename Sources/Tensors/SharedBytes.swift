import Platform

/// Bytes that nobody writes any more, in memory that something keeps in place: a buffer's, a mapped file's.
///
/// Copies of the value share the memory. Two are equal when their bytes are.
package struct SharedBytes: @unchecked Sendable {
  // Unchecked: the memory is never written while a value that shows it exists.

  private let bytes: UnsafeRawBufferPointer
  private let owner: any AnyObject & Sendable

  /// Memory that `owner` keeps in place and that nobody writes.
  package init(_ bytes: UnsafeRawBufferPointer, owner: any AnyObject & Sendable) {
    self.bytes = bytes
    self.owner = owner
  }

  /// The bytes of a tensor, where they lie.
  package init(_ view: TensorView) { self.init(view.bytes, owner: view.owner) }

  /// Memory of its own that `fill` writes; it holds zeros before.
  package init(byteCount: Int, fill: (UnsafeMutableRawBufferPointer) throws -> Void) rethrows {
    let memory = OwnedBytes(byteCount: byteCount)
    try memory.fill { bytes in
      bytes.initializeMemory(as: UInt8.self, repeating: 0)
      try fill(bytes)
    }
    self.init(memory.bytes, owner: memory)
  }

  package var count: Int { bytes.count }

  /// Some of the bytes, where they lie.
  package func part(_ range: Range<Int>) -> SharedBytes {
    SharedBytes(UnsafeRawBufferPointer(rebasing: bytes[range]), owner: owner)
  }

  /// Gives back the pages of a mapped file; they come back when they are read.
  package func releasePages() {
    guard let file = owner as? MappedFile, let start = bytes.baseAddress,
      let base = file.bytes.baseAddress
    else { return }
    file.release(start - base..<start - base + bytes.count)
  }

  /// Hands out the bytes, which stay in place as long as `body` runs.
  package func withUnsafeBytes<Result>(
    _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    try withExtendedLifetime(owner) { try body(bytes) }
  }
}

extension SharedBytes: Equatable {
  package static func == (left: SharedBytes, right: SharedBytes) -> Bool {
    left.withUnsafeBytes { left in right.withUnsafeBytes { left.elementsEqual($0) } }
  }
}

/// Memory that no file holds, aligned to a cache line.
final class OwnedBytes: @unchecked Sendable {
  // Unchecked: written by `fill` only, before anybody else knows it.

  private let memory: UnsafeMutableRawBufferPointer
  private let byteCount: Int

  /// Memory that holds nothing yet.
  init(byteCount: Int) {
    self.byteCount = byteCount
    memory = .allocate(byteCount: max(1, byteCount), alignment: 64)
  }

  deinit { memory.deallocate() }

  /// Valid while this object lives.
  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[..<byteCount]) }

  func fill(_ body: (UnsafeMutableRawBufferPointer) throws -> Void) rethrows {
    try body(UnsafeMutableRawBufferPointer(rebasing: memory[..<byteCount]))
  }
}
