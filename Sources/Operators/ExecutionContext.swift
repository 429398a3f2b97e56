package import Platform

/// What a forward pass is handed: threads, provider, trace and scratch.
///
/// Used by one thread at a time; nothing in it is global.
package final class ExecutionContext {
  package let pool: WorkerPool
  package let provider: ExecutionProvider
  /// Where dispatch writes what ran; nil when nobody asks.
  package var trace: KernelTrace?
  /// Kernels, named without provider, that dispatch must not use.
  package let disabledKernels: Set<String>
  /// The block being executed, -1 outside; what trace records are filed under.
  package var block = -1
  let elementwise: ElementwiseKernels
  let attentionKernels: AttentionKernels
  private let workspaces: [AlignedScratch]
  private var workspaceAddresses: [UnsafeMutableRawPointer] = []
  private var workspaceBytes = 0
  var activationStorage = AlignedScratch()
  var partialStorage = AlignedScratch()
  /// Queries and sums of values in the coordinates of a cache that stores vectors transformed.
  let turnedStorage = (queries: AlignedScratch(), outputs: AlignedScratch())
  /// Ranges of tokens, or of columns.
  var rangeStorage = AlignedScratch()
  private var slots: [AlignedScratch] = []

  /// Makes a context.
  ///
  /// - Throws: `OperatorError` when the provider does not run here or a disabled kernel is unknown.
  package init(
    pool: WorkerPool, provider: ExecutionProvider = .best, trace: KernelTrace? = nil,
    disabledKernels: Set<String> = []
  ) throws {
    guard provider.isSupported else {
      throw OperatorError.unsupportedProvider(provider, best: .best)
    }
    let known = LinearKernel.all.map(\.name)
    if let unknown = disabledKernels.subtracting(known).sorted().first {
      throw OperatorError.unknownKernel(name: unknown, known: known)
    }
    guard !disabledKernels.contains(LinearKernel.float32.name) else {
      throw OperatorError.indispensableKernel(name: LinearKernel.float32.name)
    }
    self.pool = pool
    self.provider = provider
    self.trace = trace
    self.disabledKernels = disabledKernels
    elementwise = ElementwiseKernels(provider)
    attentionKernels = AttentionKernels(provider)
    workspaces = (0..<max(1, pool.threads)).map { _ in AlignedScratch() }
  }

  /// Memory for `count` numbers that lives as long as the context and is handed out again for the
  /// same slot; the contents are lost when it grows.
  ///
  /// - Throws: `PlatformError.memoryRefused` with the bytes.
  package func floats(slot: Int, count: Int) throws -> UnsafeMutablePointer<Float> {
    while slots.count <= slot { slots.append(AlignedScratch()) }
    return try slots[slot].reserve(count * MemoryLayout<Float>.stride)
      .assumingMemoryBound(to: Float.self)
  }

  /// Makes sure every worker has `bytes` of scratch and yields their addresses.
  ///
  /// - Throws: `PlatformError.memoryRefused` with the bytes; no worker has any then.
  func scratch(bytes: Int) throws -> [UnsafeMutableRawPointer] {
    if bytes > workspaceBytes || workspaceAddresses.isEmpty {
      // What was refused is no address that a smaller call may go on with.
      workspaceAddresses = []
      workspaceBytes = 0
      workspaceAddresses = try workspaces.map { try $0.reserve(bytes) }
      workspaceBytes = bytes
    }
    return workspaceAddresses
  }

  /// Bytes of scratch and activations held now.
  package var scratchBytes: Int { storages.reduce(0) { $0 + $1.capacity } }

  /// Bytes of them that are in memory, as the system tells.
  package var residentScratchBytes: Int { storages.reduce(0) { $0 + $1.residentBytes } }

  private var storages: [AlignedScratch] {
    workspaces + slots + [
      activationStorage, partialStorage, rangeStorage, turnedStorage.queries, turnedStorage.outputs,
    ]
  }

  /// Runs `body` and files what it did in the trace; without one no clock is read, nothing is counted and no text made.
  func traced(
    _ part: TracePart, owner: AnyObject? = nil, bytes: @autoclosure () -> Double,
    operations: @autoclosure () -> Double = 0, name: () -> KernelTrace.Name,
    _ body: () throws -> Void
  ) rethrows {
    guard let trace else { return try body() }
    let start = trace.now()
    try body()
    let seconds = trace.now() - start
    trace.add(
      KernelTrace.Call(block: block, part: part, owner: owner), owner: owner, bytes: bytes(),
      operations: operations(), seconds: seconds, name: name)
  }
}

/// Memory that grows to what was asked for and is kept, aligned for vectors; in huge pages when it fills some, since rows
/// of activations lie far apart.
final class AlignedScratch {
  private var pointer: UnsafeMutableRawPointer?
  private var pages: HugeBuffer?
  private(set) var capacity = 0

  /// An address with at least `bytes` after it; the contents are not kept from call to call.
  ///
  /// - Throws: `PlatformError.memoryRefused` with the bytes; nothing is held then.
  func reserve(_ bytes: Int) throws -> UnsafeMutableRawPointer {
    if let pointer, capacity >= bytes { return pointer }
    release()
    let size = max(4096, bytes)
    if size >= HugeBuffer.pageBytes, let buffer = try? HugeBuffer(byteCount: size),
      let start = buffer.bytes.baseAddress
    {
      pages = buffer
      pointer = start
    } else {
      pointer = try HeapMemory.take(size)
    }
    guard let pointer else { throw PlatformError.memoryRefused(bytes: bytes, code: 0) }
    capacity = size
    return pointer
  }

  /// Bytes that are in memory; of what is too small for pages of its own, all.
  var residentBytes: Int { pages?.residentBytes ?? capacity }

  private func release() {
    if pages == nil { pointer?.deallocate() }
    pages = nil
    pointer = nil
    capacity = 0
  }

  deinit { release() }
}
