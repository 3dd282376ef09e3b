#pragma once

#include "aero/checkpoint/run_folder.h"
#include "aero/train/callback.h"

#include <cstdint>
#include <filesystem>
#include <string>

namespace aero::train {

/// Writes metrics.jsonl, one JSON object per line:
///   {"step", "loss", "lr", "grad_norm", "tokens", "seconds", "tokens_per_second"}
///       each optimizer step; with "penalty" under entropy regularisation, which "loss" does not
///       contain, and "skipped": true where the step left the weights unchanged
///   {"event": "evaluation", "step", "loss", "perplexity", "tokens", "contexts", "part"}
///       "part": true where eval.batches ended it before the end of the split
///   {"event": "entropy", "step", "e_max", "uniform", "rows", "entropy", "bins", "nonfinite_rows",
///    "collapsed", "overloaded"}
///       e_max = ln T and uniform = ln(T!) / T; entropy [L][H], mean nats; bins, four shares of
///       heads; nonfinite_rows [L]; collapsed and overloaded, lists of layers. The line also has
///       the model's LearnedScalars. Numbers have four digits. The first such line is of step 0.
///   {"event": "spike", "step", "loss", "mean", "deviation"}
///       a loss far above those before it (LossHistory)
///   {"event": "nonfinite", "step", "quantity", "layer", "parameter", "action"}
///   {"event": "rewind", "step", "from", "samples", "quantity", "layer", "parameter"}
///       the run went back to "step" before it made "from", where a value was not finite; samples,
///       the sequences that the sampler had given then
///   {"event": "finish", "step", "outcome"}
///       written when the last state is on the disk
/// A number that is not finite is null. A run that is resumed or goes back removes the lines after
/// the checkpoint's step, so that the file has each step once.
class MetricsWriter : public Callback {
 public:
  explicit MetricsWriter(checkpoint::RunFolder folder)
      : folder_(std::move(folder)), file_(folder_.metrics_file()) {}

  void on_start(Trainer& trainer) override;
  void on_step(Trainer& trainer, const StepRecord& record) override;
  void on_evaluation(Trainer& trainer, const Evaluation& evaluation) override;
  void on_entropy(Trainer& trainer, const EntropyRecord& record) override;
  void on_spike(Trainer& trainer, const LossSpike& spike) override;
  void on_nonfinite(Trainer& trainer, const NonfiniteEvent& event) override;
  void on_rewind(Trainer& trainer, const Rewind& rewind) override;
  /// Throws Error when lines could not be written.
  void on_finish(Trainer& trainer, Outcome outcome) override;
  /// Writes "finish" last, so that it holds even after a power failure. Throws Error.
  void after_finish(Trainer& trainer, Outcome outcome) override;

 private:
  void cut(std::int64_t last_step, std::int64_t samples_seen);
  void write(const std::string& line);
  void flush();

  checkpoint::RunFolder folder_;
  std::filesystem::path file_;
  std::string pending_;  // lines that are not written yet because the disk was full
};

}  // namespace aero::train
