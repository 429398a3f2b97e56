package import Tensors

extension Model {
  /// Bytes of the packed copies of the blocks' linear layers made so far.
  package var packedLinearBytes: Int { linears.reduce(0) { $0 + self[$1].packedBytes } }

  /// Bytes of all weights in the formats they are computed with.
  package var weightBytes: Int {
    linears.reduce(otherBytes) {
      $0 + bytes(of: self[$1].weight, rows: self[$1].rows, columns: self[$1].columns)
    }
  }

  /// Bytes of a layer of this model of so many rows and columns in the form of `weight`: what is planned for it and what it
  /// is said to take once it is there.
  package func bytes(of weight: any LinearWeight, rows: Int, columns: Int) -> Int {
    guard weight.format.isFloat else {
      return weight.rows == rows && weight.columns == columns
        ? weight.byteCount : weight.byteCount(rows: rows, columns: columns)
    }
    return rows * columns * (precision == .f32 ? 4 : 2)
  }

  /// Bytes of everything that is not a linear layer of a block, with embedding table and head in another format.
  package func otherBytes(tables: (_ columns: Int) -> WeightFormat) -> Int {
    func bytes(_ weight: any LinearWeight) -> Int {
      tables(weight.columns).byteCount(rows: weight.rows, columns: weight.columns)
    }
    let isTied = configuration.tiedEmbeddings
    let before = embedding.byteCount + (isTied ? 0 : head.weight.byteCount)
    return otherBytes - before + bytes(embedding) + (isTied ? 0 : bytes(head.weight))
  }
}
