import ArgumentParser
import Quantization

/// A rotation of the residual stream before anything else, behind what is planted.
struct RotateGroup: ParsableArguments {
  @Option(
    defaultAsFlag: "0",
    help: ArgumentHelp(
      "Rotate the residual stream, folded into the weights, without changing what the model computes: SEED chooses the signs of a Hadamard matrix, :heads rotates each head of values too.",
      valueName: "SEED[:heads]"))
  var rotate: String?

  func validate() throws {
    do {
      _ = try rotation
    } catch {
      throw ValidationError("--rotate: \(error)")
    }
  }

  /// nil to leave the model as it is.
  var rotation: ResidualRotation? {
    get throws(RotationError) {
      guard let rotate else { return nil }
      return try ResidualRotation(rotate)
    }
  }
}
