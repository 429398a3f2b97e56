import ArgumentParser
import Quantization

/// Outliers to plant in the model before anything else.
struct PlantGroup: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Plant outliers without changing what the model computes: multiply CHANNELS of each norm by FACTOR, a power of two.",
      valueName: "CHANNELS:FACTOR[:SEED[:EVERY]]"))
  var plant: String?

  func validate() throws {
    do {
      _ = try planting
    } catch {
      throw ValidationError("--plant: \(error)")
    }
  }

  /// nil to leave the model as it is.
  var planting: OutlierPlanting? {
    get throws(PlantingError) {
      guard let plant else { return nil }
      return try OutlierPlanting(plant)
    }
  }
}
