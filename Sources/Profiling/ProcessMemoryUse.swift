package import Models
package import Operators
import Platform

/// The memory this process holds, by kind, as the system tells it at one moment: the kinds sum to all of it.
///
/// Packed weights, caches and scratch are counted by their own pages (`mincore`), files and the whole by the table of
/// mappings (`/proc/self/smaps`); what neither accounts for (tokenizer, norms, tables, stacks, buffers the allocator keeps)
/// is the last kind.
package struct ProcessMemoryUse: Hashable, Sendable, Codable {
  package struct Kind: Hashable, Sendable, Codable {
    package var name: String
    package var bytes: Int

    package init(name: String, bytes: Int) {
      self.name = name
      self.bytes = bytes
    }
  }

  package var residentBytes: Int
  /// Bytes that the system did put in huge pages.
  package var hugePageBytes: Int
  /// Those that are held, in the order models, caches, scratch, files; `rest` is the last.
  package var kinds: [Kind]

  package init(residentBytes: Int, hugePageBytes: Int, kinds: [Kind]) {
    self.residentBytes = residentBytes
    self.hugePageBytes = hugePageBytes
    self.kinds = kinds
  }

  /// The name of what no kind accounts for.
  package static let rest = "rest"

  /// Looks at models and caches that are at hand; nil where the system has no table of mappings.
  ///
  /// - Parameters:
  ///   - sides: each under the word its kinds are told by.
  ///   - contexts: those whose scratch counts.
  package static func take(
    sides: [(word: String, model: Model, cache: BlockKVCache)], contexts: [ExecutionContext]
  ) -> ProcessMemoryUse? {
    let packed = sides.map(\.model.residentPacked)
    var owners: [ObjectIdentifier: Int] = [:]
    for side in packed { for layer in side.keys { owners[layer, default: 0] += 1 } }
    var kinds: [Kind] = []
    func add(_ name: String, _ bytes: Int) {
      if bytes > 0 { kinds.append(Kind(name: name, bytes: bytes)) }
    }
    for (side, layers) in zip(sides, packed) {
      add(
        "packed weights, \(side.word)",
        layers.reduce(0) { owners[$1.key] == 1 ? $0 + $1.value : $0 })
    }
    var shared: [ObjectIdentifier: Int] = [:]
    for layers in packed { shared.merge(layers.filter { owners[$0.key] ?? 0 > 1 }) { $1 } }
    add("packed weights, shared", shared.values.reduce(0, +))
    for side in sides { add("KV cache, \(side.word)", side.cache.pool.residentBytes) }
    add("scratch", contexts.reduce(0) { $0 + $1.residentScratchBytes })
    guard let process = ProcessMemory.read() else { return nil }
    add("mapped files", process.dataFileBytes)
    add("program", process.codeBytes)
    let resident = process.residentBytes
    kinds.append(Kind(name: rest, bytes: resident - kinds.reduce(0) { $0 + $1.bytes }))
    return ProcessMemoryUse(
      residentBytes: resident, hugePageBytes: process.hugePageBytes, kinds: kinds)
  }
}
