package import Tensors

extension ArtifactOutline {
  /// A tensor that is none of the layers.
  package struct Other: Hashable, Sendable {
    package var shape: Shape
    /// nil for blocks of a GGUF file.
    package var dtype: DType?
    /// As it is stored.
    package var bytes: Int

    package init(shape: Shape, dtype: DType?, bytes: Int) {
      self.shape = shape
      self.dtype = dtype
      self.bytes = bytes
    }

    /// Bytes in a file that keeps tensors as they are, blocks as the widest numbers that hold what they stand for.
    var keptBytes: Int { dtype == nil ? shape.elementCount * 4 : bytes }
  }
}

extension ArtifactOutline.Layer {
  /// Input channels that share a scale, in rows of `columns`.
  var scales: Int { format.scales(rows: rows, columns: columns) }

  /// Bytes as numbers: of one that is stored in another way as the widest that hold what it stands for.
  var plainBytes: Int {
    if case .float(let type) = format.code { return rows * columns * type.bits / 8 }
    return rows * columns * 4
  }

  /// Bytes in the layout of compressed-tensors: codes as `WeightFormat` counts them, scales in float32.
  var storedBytes: Int {
    switch format.code {
    case .float, .block, .decoded: return plainBytes
    case .integer, .scaledFloat: break
    }
    var bytes = format.byteCount(rows: rows, columns: columns) + scales * 4 + 64
    // The paper's form of LLM.int8() keeps the weight next to its codes.
    if case .int8WithOutliers = activation { bytes += rows * columns * 4 }
    return bytes
  }

  /// Codes in words of 32 bits along rows of `columns`, the bits of each one after the other.
  var codeBytes: Int { rows * ((columns * format.bits + 31) / 32 * 4) }
}

extension CompressedTensors {
  /// Of layers that are turned into 4-bit floats the codes and their scales.
  func bytes(_ outline: ArtifactOutline, as form: StoredForm) -> Int {
    zip(outline.layers, turned(outline)).reduce(0) { sum, pair in
      let (layer, isTurned) = pair
      guard isTurned else { return sum + layer.plainBytes }
      let scales = layer.rows * layer.columns / Float4Groups.size(form)
      return sum + layer.rows * layer.columns / 2 + scales + 4
    }
  }
}

extension GPTQ {
  package func tensorBytes(_ outline: ArtifactOutline, others: [ArtifactOutline.Other]) -> Int {
    outline.layers.reduce(others.reduce(0) { $0 + $1.keptBytes }) { sum, layer in
      guard !layer.format.isFloat else { return sum + layer.plainBytes }
      let groups = layer.format.groups(columns: layer.columns)
      return sum + layer.codeBytes + groups * layer.rows * layer.format.bits / 8
        + groups * layer.rows * 2 + layer.columns * 4
    }
  }
}

extension AWQ {
  package func tensorBytes(_ outline: ArtifactOutline, others: [ArtifactOutline.Other]) -> Int {
    outline.layers.reduce(others.reduce(0) { $0 + $1.keptBytes }) { sum, layer in
      guard !layer.format.isFloat else { return sum + layer.plainBytes }
      let groups = layer.format.groups(columns: layer.columns)
      return sum + layer.rows * layer.columns / 2 + groups * layer.rows / 2 + groups * layer.rows
        * 2
    }
  }
}

extension ONNX {
  package func tensorBytes(_ outline: ArtifactOutline, others: [ArtifactOutline.Other]) -> Int {
    outline.quantized.reduce(0) { sum, layer in
      guard !layer.isEmbedding, let block = Self.block(layer.format, columns: layer.columns)
      else { return sum }
      let blocks = layer.rows * ((layer.columns + block - 1) / block)
      let zeros =
        switch layer.format.zeroPoint {
        case .fixed: 0
        case .integer: (blocks * layer.format.bits + 7) / 8 + layer.rows
        case .real: blocks * 4
        }
      return sum + blocks * block * layer.format.bits / 8 + blocks * 4 + zeros
    }
  }
}

extension GGUF {
  package func tensorBytes(_ outline: ArtifactOutline, others: [ArtifactOutline.Other]) -> Int {
    let layers = zip(outline.layers, forms(outline)).reduce(0) { sum, pair in
      let (layer, form) = pair
      return sum + layer.rows * (form.type.byteCount(of: layer.columns) ?? layer.columns * 4)
    }
    let rest = others.reduce(0) { sum, other in
      guard other.shape.rank == 2 else { return sum + other.shape.elementCount * 4 }
      guard let plain = type?.plain else { return sum + other.bytes }
      return sum + other.shape.elementCount * plain.bits / 8
    }
    return layers + rest + (outline.layers.count + others.count) * GGUFWriter.alignment
  }
}
