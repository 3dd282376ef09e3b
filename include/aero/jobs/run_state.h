#pragma once

#include "aero/config/run_config.h"

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace aero::jobs {

/// A run has ended where its metrics say so and the state that they end with is whole on the disk.
enum class RunEnd {
  unfinished,  ///< not begun, running, or interrupted: it can be resumed
  finished,    ///< trained to its end
  nonfinite,   ///< stopped at a value that is not finite: a result, not to be repeated
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
  std::optional<bool> is_of_a_part;  ///< of the validation split (eval.batches), where that is told

  bool operator==(const EvaluationPoint&) const = default;
};

/// How far a run has come, from its metrics.jsonl (train/metrics_writer.h) and its checkpoints.
struct RunState {
  RunEnd end = RunEnd::unfinished;
  std::string lost;  ///< what its last checkpoint lacks, where the metrics alone say that it ended
  std::int64_t steps = 0;
  std::optional<std::int64_t> saved_step;  ///< of the latest checkpoint, from which it goes on
  std::int64_t tokens = 0;                 ///< trained on
  double seconds = 0;                      ///< in optimizer steps
  std::vector<EvaluationPoint> evaluations;
  std::string held_out_fingerprint;  ///< of the validation split, where a finished run tells it
  std::optional<Nonfinite> nonfinite;
  std::optional<std::array<double, 4>> bins;  ///< shares of heads by entropy, seen last

  double loss() const;        ///< of the last evaluation; NaN without one
  double perplexity() const;  ///< exp(loss)
};

/// The state of a run folder; that of a folder without metrics is a run not begun. A line that was
/// cut off is none. Throws Error when what is there cannot be read.
RunState read_run_state(const std::filesystem::path& folder);

/// What keeps the folder of a run (run.folder) from being that run, a line for each: its
/// config.json holds another run, or it was trained or evaluated on other data than the corpus
/// holds now, or began with other weights. Empty where nothing does. Where a run is kept, on what
/// device, with how many threads and how often it logs makes no other run of it.
std::string conflicts_of(const std::vector<RunConfig>& runs);

}  // namespace aero::jobs
