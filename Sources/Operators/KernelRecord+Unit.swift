internal import CKernels

extension KernelRecord {
  /// What multiplies in its kernel: the unit of the activations for linear layers, floating point for all else.
  package var unit: MachineLimit { Self.unit(of: kernel) }

  /// What multiplies in a kernel, by its name.
  package static func unit(of kernel: String) -> MachineLimit {
    guard let row = LinearKernel.all.first(where: { kernel.hasPrefix($0.name + "_") }) else {
      return .fp32
    }
    switch row.activation {
    case NK_ACTIVATION_INT8, NK_ACTIVATION_INT8_BLOCKS: return .int8
    case NK_ACTIVATION_INT16_BLOCKS: return .int16
    case NK_ACTIVATION_BF16: return .bf16
    default: return .fp32
    }
  }

  /// The seconds that reading its bytes takes at least.
  package func memorySeconds(on peaks: MachinePeaks) -> Double {
    bytes / max(1, peaks.readBandwidth)
  }

  /// The seconds that its operations take its unit at least.
  package func computeSeconds(on peaks: MachinePeaks) -> Double {
    operations / max(1, peaks[unit])
  }
}

extension MachinePeaks {
  /// Bytes or operations per second of a limit.
  package subscript(limit: MachineLimit) -> Double {
    get {
      switch limit {
      case .readBandwidth: readBandwidth
      case .fp32: fp32Rate
      case .bf16: bf16Rate
      case .int16: int16Rate ?? max(fp32Rate, int8Rate / 2)
      case .int8: int8Rate
      }
    }
    set {
      switch limit {
      case .readBandwidth: readBandwidth = newValue
      case .fp32: fp32Rate = newValue
      case .bf16: bf16Rate = newValue
      case .int16: int16Rate = newValue
      case .int8: int8Rate = newValue
      }
    }
  }
}
