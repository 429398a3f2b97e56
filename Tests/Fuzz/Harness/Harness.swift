import FoundationEssentials
import Glibc
import Platform

/// The entry of libFuzzer: `NIBBLE_READER` names the reader that the bytes go to.
///
/// What each input takes of the heap is counted; the most of all inputs is told when the program ends.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  let found = heap(of: bytes)
  // The first time may have made what stays for all inputs.
  if Most.heap.isBelow(found) || Most.request.isBelow(found) {
    let again = heap(of: bytes)
    Most.heap.raise(again)
    Most.request.raise(again)
  }
  return 0
}

/// What one input took.
private struct Taken {
  /// Most bytes of the heap at a time.
  var heap = 0
  /// The largest request.
  var request = 0
  /// Bytes of the input.
  var input = 0
}

/// The input that took most; libFuzzer runs on one thread.
private struct Most {
  nonisolated(unsafe) static var heap = Most(\.heap)
  nonisolated(unsafe) static var request = Most(\.request)

  let figure: KeyPath<Taken, Int>
  var of = Taken()

  init(_ figure: KeyPath<Taken, Int>) { self.figure = figure }

  func isBelow(_ taken: Taken) -> Bool { taken[keyPath: figure] > of[keyPath: figure] }

  mutating func raise(_ taken: Taken) { if isBelow(taken) { of = taken } }
}

private func heap(of bytes: [UInt8]) -> Taken {
  var taken = Taken(input: bytes.count)
  countBegin()
  _ = chosen.read(bytes)
  countEnd(&taken.heap, &taken.request)
  return taken
}

@_silgen_name("fuzz_count_begin")
private func countBegin()

@_silgen_name("fuzz_count_end")
private func countEnd(_ heap: UnsafeMutablePointer<Int>, _ request: UnsafeMutablePointer<Int>)

private let chosen: FuzzReader = {
  let name = ProcessInfo.processInfo.environment["NIBBLE_READER"] ?? ""
  guard let reader = FuzzReaders.all.first(where: { $0.name == name }) else {
    fatalError("NIBBLE_READER: expected one of \(FuzzReaders.all.map(\.name)), found '\(name)'")
  }
  atexit {
    let (heap, request) = (Most.heap.of, Most.request.of)
    let words =
      "heap: \(heap.heap) bytes for an input of \(heap.input), "
      + "largest request \(request.request) for one of \(request.input)\n"
    _ = words.withCString { write(STDERR_FILENO, $0, strlen($0)) }
  }
  return reader
}()
