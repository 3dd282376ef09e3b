#pragma once

#include "aero/config/run_config.h"

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace aero::jobs {

/// A run has ended where its metrics say so and the checkpoint of its last step is whole.
enum class RunEnd {
  unfinished,  ///< not begun, running, or interrupted: it can be resumed
  finished,    ///< trained to its end
  nonfinite,   ///< stopped at a value that is not finite, which is a result: it is not repeated
};

/// "unfinished", "finished", "nonfinite"
std::string name(RunEnd end);

/// The first step whose loss or gradient was not finite (train/callback.h).
struct Nonfinite {
  std::int64_t step = 0;
  std::string quantity;
  std::string layer;
  std::string parameter;

  bool operator==(const Nonfinite&) const = default;
};

struct EvaluationPoint {
  std::int64_t step = 0;
  double loss = 0;                   ///< nats a token; NaN where it was not finite
  std::optional<bool> is_of_a_part;  ///< of the validation split (eval.batches), where known

  bool operator==(const EvaluationPoint&) const = default;
};

/// How far a run has come, from its metrics.jsonl (train/metrics_writer.h) and its checkpoints.
struct RunState {
  RunEnd end = RunEnd::unfinished;
  std::string lost;  ///< what the last checkpoint lacks, where only the metrics say that it ended
  std::int64_t steps = 0;
  std::optional<std::int64_t> saved_step;  ///< of the latest checkpoint, where it resumes
  std::int64_t tokens = 0;                 ///< that it was trained on
  double seconds = 0;                      ///< in optimizer steps
  std::vector<EvaluationPoint> evaluations;
  std::string held_out_fingerprint;  ///< of the validation split, where a finished run reports it
  std::optional<Nonfinite> nonfinite;
  std::optional<std::array<double, 4>> bins;  ///< last shares of heads in four bins of entropy

  double loss() const;        ///< of the last evaluation; NaN without one
  double perplexity() const;  ///< exp(loss)
};

/// Reads the state of a run folder. A folder without metrics is a run that has not begun. Ignores
/// an incomplete line. Throws Error where a file is there but cannot be read.
RunState read_run_state(const std::filesystem::path& folder);

/// Lists, one per line, the runs whose folder (run.folder) holds another run: its config.json
/// differs, or the corpus or the weights that it began with have changed. Empty where there are
/// none. The run folder, the device, the number of threads and the section "log" may differ.
std::string conflicts_of(const std::vector<RunConfig>& runs);

}  // namespace aero::jobs
