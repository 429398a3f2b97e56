/// KL of the quantized model with some cells put back to FP.
package struct RestoreReport: Hashable, Sendable, Codable {
  package var cells: [CellAddress]
  package var klBefore: Double
  package var klAfter: Double
  package var extraBytes: Int

  package init(cells: [CellAddress], klBefore: Double, klAfter: Double, extraBytes: Int) {
    self.cells = cells
    self.klBefore = klBefore
    self.klAfter = klAfter
    self.extraBytes = extraBytes
  }
}
