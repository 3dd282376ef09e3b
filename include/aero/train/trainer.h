#pragma once

#include "aero/checkpoint/run_folder.h"
#include "aero/config/run_config.h"
#include "aero/data/batch_sampler.h"
#include "aero/data/corpus.h"
#include "aero/dist/communicator.h"
#include "aero/model/decoder.h"
#include "aero/train/callback.h"
#include "aero/train/evaluation.h"
#include "aero/train/optimizer.h"
#include "aero/train/precision.h"
#include "aero/train/schedule.h"
#include "aero/train/step_graph.h"
#include "aero/train/training_pass.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace aero::train {

/// Trains one decoder on one corpus. Everything else, such as evaluation, logs and checkpoints, is
/// a callback.
///
///     auto config = aero::load_config("config.json");
///     auto corpus = aero::data::Corpus::open_split(config.data.path, "train", …);
///     aero::train::Trainer trainer(config, std::move(corpus));
///     trainer.add(std::make_unique<…>());
///     trainer.run();
class Trainer {
 public:
  /// Builds the decoder and initialises it from config.seed. Throws UsageError for a corpus shorter
  /// than one batch, a missing device, or durations that cannot be expressed in steps.
  /// Several ranks share each batch, and compute what one process would (docs/distributed.md).
  Trainer(RunConfig config, data::Corpus corpus, dist::Communicator communicator = {});

  /// Trains this decoder with its present weights on config.train.device. It may have parts of a
  /// program's own, which config() then names (model.own_parts). Throws UsageError also where
  /// config.model is not the decoder's.
  Trainer(RunConfig config, data::Corpus corpus, model::Decoder decoder,
          dist::Communicator communicator = {});

  void add(std::unique_ptr<Callback> callback) { callbacks_.push_back(std::move(callback)); }

  /// Records the forward and backward pass of a step and replays the recording in later steps, as
  /// train.cuda_graphs does by CUDA graphs.
  void record_steps(std::unique_ptr<ops::GraphRecorder> recorder);

  /// Trains from the present step to the end of train.duration, or until a callback stops the run.
  /// After an exception of a callback or a step, ends all callbacks with Outcome::failed and throws
  /// it again. Throws UsageError, before any callback starts, where the decoder has other parts or
  /// parameters than the trainer was built with, or where a decoder that was passed in has
  /// parameters that are not finite.
  Outcome run();

  /// Ends the run after the present step.
  void stop(Outcome outcome) { outcome_ = outcome; }

  /// Passes a result to all callbacks.
  void report(const Evaluation& evaluation);
  void report(const EntropyRecord& record);
  void report(const NonfiniteEvent& event);
  void report(const LossSpike& spike);

  /// Optimizer steps done.
  std::int64_t step() const { return step_; }
  /// Optimizer steps done when run() began.
  std::int64_t first_step() const { return first_step_; }
  /// Sequences that the sampler has given so far.
  std::int64_t samples_seen() const { return samples_seen_; }
  /// How often the run went back to an earlier state (train.on_nonfinite).
  std::int64_t rewinds() const { return rewinds_; }
  /// False where an exception interrupted an update, or a callback set other parts, so that the
  /// weights belong to no step.
  bool is_whole() const { return is_whole_; }
  std::int64_t total_steps() const { return length_.total_steps; }
  /// Converts a duration of this run to steps; 0 stays 0.
  std::int64_t to_steps(const Duration& duration) const;

  /// With train.shard_optimizer, all ranks call it together.
  checkpoint::Checkpoint state() const;
  /// Returns state() to rank 0 where that wants it, which alone decides. All ranks call it together.
  std::optional<checkpoint::Checkpoint> offer_state(bool is_wanted) const;
  /// Whether state() needs all ranks.
  bool is_sharded() const { return optimizer_.is_sharded(); }
  /// Bytes of the optimizer's moments that this rank keeps.
  std::int64_t moment_bytes() const { return optimizer_.moment_bytes(); }
  /// Continues from a checkpoint. Throws a UsageError where the data differ, naming them, or where
  /// the checkpoint lies beyond train.duration. Throws an Error that names the tensor where the
  /// model differs.
  void restore(const checkpoint::Checkpoint& checkpoint);
  /// Gives all ranks the state of rank 0, also the weights. All ranks call it before run().
  void share_state();
  /// Records in the state which validation split the run is evaluated on. Throws UsageError where
  /// the restored checkpoint names another split.
  void note_held_out(const data::Corpus& corpus);
  /// Records in the state the weights that the run begins with (checkpoint::weights_checksum).
  void note_warm_start(std::string crc32) { warm_start_crc32_ = std::move(crc32); }

  const RunConfig& config() const { return config_; }
  const dist::Communicator& communicator() const { return communicator_; }
  model::Decoder& decoder() { return decoder_; }
  const NamedParameters& parameters() const { return parameters_; }
  const data::Corpus& corpus() const { return corpus_; }
  const std::optional<Evaluation>& last_evaluation() const { return last_evaluation_; }
  /// The step of the last evaluation; 0 before the first.
  std::int64_t evaluated_step() const { return evaluated_step_; }
  /// The last micro-batch whose gradients were added.
  const data::Batch& last_batch() const { return last_batch_; }

 private:
  void start();
  void train();
  void require_trainable() const;
  StepRecord train_step();
  void update(const StepRecord& record);
  void set_state(const checkpoint::Checkpoint& checkpoint);
  void set_counters(const checkpoint::TrainingState& state);
  checkpoint::TrainingState counters() const;
  std::optional<checkpoint::Checkpoint> last_saved();
  bool go_back();
  void finish(Outcome outcome);
  /// The inputs of the next step, on their way to the device.
  struct Fetched {
    std::int64_t first_sample = 0;
    StepInputs inputs;
  };

  /// The share of the training that is done, from 0 to 1.
  double progress() const;
  /// Runs the forward and backward pass. Returns what TrainingPass::read() takes.
  torch::Tensor compute(const StepInputs& inputs);
  StepInputs fetch(std::int64_t first_sample) const;
  StepInputs take_inputs();
  void fetch_ahead();
  std::int64_t samples_per_step() const;
  Verdict judge(const StepRecord& record);

  RunConfig config_;
  dist::Communicator communicator_;
  data::Corpus corpus_;
  std::string data_fingerprint_;
  std::string held_out_fingerprint_;  // empty: unknown
  std::string warm_start_crc32_;      // empty: no warm start
  data::BatchSampler sampler_;
  torch::Device device_;
  model::Decoder decoder_;
  bool is_brought_ = true;  // whether the decoder was passed in; its weights may not be filled
  NamedParameters parameters_;
  TrainingPass pass_;
  std::optional<StepGraph> graph_;  // of the pass, where it is recorded
  Optimizer optimizer_;
  RunLength length_;
  Schedule schedule_;
  std::optional<LossScaler> scaler_;  // for float16 only
  std::vector<std::unique_ptr<Callback>> callbacks_;
  std::size_t started_callbacks_ = 0;

  std::int64_t step_ = 0;
  std::int64_t first_step_ = 0;
  bool is_whole_ = true;
  std::int64_t samples_seen_ = 0;
  std::int64_t rewinds_ = 0;
  NonfiniteEvent last_nonfinite_;
  std::optional<Outcome> outcome_;
  std::optional<Evaluation> last_evaluation_;
  std::int64_t evaluated_step_ = 0;
  data::Batch last_batch_;
  std::optional<Fetched> fetched_;
};

}  // namespace aero::train
