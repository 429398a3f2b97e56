import ArgumentParser
import Engine

/// The program: the workbench without a subcommand, else one of the commands for scripts.
struct Nibble: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "nibble",
    abstract: "Find out which quantization method a model, a workload and a runtime need.",
    discussion: """
      Without a command, 'nibble [MODEL]' opens the workbench; without a terminal it runs the same \
      walk and prints the verdict. Every command takes --json. Exit codes: 0 done, 1 failed, 2 usage, \
      3 ran but a check failed, 128+signal.
      """,
    version: ProgramVersion.current,
    subcommands: [
      WorkbenchCommand.self, InspectCommand.self, PlanCommand.self, ChooseCommand.self,
      QuantizeCommand.self,
      CalibrationCommand.self, OutliersCommand.self, LabCommand.self, AllocateCommand.self,
      EvaluateCommand.self, GenerateCommand.self, TokensCommand.self, LogitsCommand.self,
      CacheCommand.self, DepthCommand.self, BatchCommand.self, ServeSimCommand.self,
      BenchCommand.self, SweepCommand.self,
      CompareCommand.self, VerifyCommand.self, ConformanceCommand.self, CoverageCommand.self,
      ReplayCommand.self, SessionsCommand.self, LessonsCommand.self, GlossaryCommand.self,
      ThemesCommand.self, ScreenCommand.self,
      SynthesizeCommand.self, DoctorCommand.self, LayerCommand.self, LayersCommand.self,
      LinearCommand.self,
      ProvidersCommand.self, KernelsCommand.self,
    ],
    defaultSubcommand: WorkbenchCommand.self)
}
