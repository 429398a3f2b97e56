import Engine
import Models
import Operators
import Planning
import Quantization

/// A value that somebody said: typed into a form, written in a recipe or a data sheet.
///
/// Its numbers are kept to the last digit in the state and in sessions, since the program goes on with them and compares them.
/// All other numbers of a message are measurements, which enter state and session with six significant digits.
protocol SaidExactly {}

extension OptionValue: SaidExactly {}
extension OptionSpec: SaidExactly {}
extension MethodDescription: SaidExactly {}
extension MethodChoice: SaidExactly {}
extension Recipe: SaidExactly {}
extension OutlierPlanting: SaidExactly {}
extension ResidualRotation: SaidExactly {}
extension Workload: SaidExactly {}
/// From a data sheet, or measured: few numbers either way.
extension MachinePeaks: SaidExactly {}
extension CalibrationOptions: SaidExactly {}
extension EvaluationOptions: SaidExactly {}
extension BenchOptions: SaidExactly {}
extension BatchOptions: SaidExactly {}
extension CacheOptions: SaidExactly {}
extension CacheSpeedOptions: SaidExactly {}
extension KernelOptions: SaidExactly {}
extension ProviderOptions: SaidExactly {}
extension OutlierLabOptions: SaidExactly {}
extension ChooseOptions: SaidExactly {}
extension TrafficOptions: SaidExactly {}
/// Tells the budget as it was typed.
extension AllocationReport: SaidExactly {}
