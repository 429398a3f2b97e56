import Models
import Operators
import Platform
import Tensors
import Testing

@testable import Quantization

/// What methods work with is looked at before it is taken: where the system refuses it, the job ends with the bytes.
@Suite struct RefusedMemoryTests {
  /// A weight of so many rows and columns that nothing holds a number for each; it is never read.
  private final class Vast: LinearWeight {
    let rows = 1 << 25
    let columns = 1 << 24
    let format = WeightFormat(code: .integer(bits: 4), granularity: .channel)
    var byteCount: Int { rows * columns / 2 }

    func dequantize(rows: Range<Int>, into output: UnsafeMutablePointer<Float>) {
      Issue.record("expected to be refused before rows \(rows) are read")
    }
  }

  private func refused(_ body: () throws -> Void) -> Int? {
    do {
      try body()
      Issue.record("expected refused memory, found none refused")
    } catch PlatformError.memoryRefused(let bytes, _) {
      return bytes
    } catch {
      Issue.record("expected refused memory, found \(error)")
    }
    return nil
  }

  @Test func layersSayTheBytesOfTheirCodesAndCopies() throws {
    let vast = Vast()
    let count = vast.rows * vast.columns
    let int4 = WeightFormat(code: .integer(bits: 4), granularity: .channel)
    #expect(
      refused { _ = try RoundToNearest.quantize(vast, as: int4, .init(grid: .gptq), layer: "l") }
        == count)
    #expect(refused { _ = try LLMInt8.quantize(vast, layer: "l") } == count)
    #expect(
      refused { _ = try LayerScales(input: [1]).applied(to: vast) } == 8 * count)
    #expect(refused { _ = try vast.decoded() } == 8 * count)
  }

  /// Moments are asked for while a block runs, which cannot be ended there: the observer says so afterwards.
  @Test func momentsSayTheirBytes() throws {
    let context = try ExecutionContext(pool: WorkerPool(threads: 1))
    let gatherer = HessianGatherer(groups: [.q], context: context)
    let columns = 1 << 24
    var value: Float = 1
    for _ in 0..<2 {
      gatherer.observe(.linearInput(.q), block: 0, values: &value, tokens: 1, columns: columns)
    }
    #expect(gatherer.hessians.isEmpty)
    guard case PlatformError.memoryRefused(let bytes, _)? = gatherer.refusal else {
      Issue.record("expected refused memory, found \(String(describing: gatherer.refusal))")
      return
    }
    // Half of the matrix, and its diagonal.
    #expect(bytes >= columns / 2 * columns * 4)
  }

  /// What is looked at before the work is what the work takes.
  @Test func factorsTakeWhatIsLookedAt() {
    for columns in [1, 63, 64, 65, 300, 4096] {
      let triangle = columns * columns / 2
      #expect(Hessian.byteCount(columns: columns) >= 4 * triangle)
      #expect(
        Hessian.byteCount(columns: columns) == SymmetricPanels(columns: columns).values.count * 4)
      #expect(GPTQPreparation.workingBytes(columns: columns) >= (4 + 8 + 4) * triangle)
    }
  }
}
