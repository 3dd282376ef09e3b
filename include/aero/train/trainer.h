#pragma once

#include "aero/checkpoint/run_folder.h"
#include "aero/config/run_config.h"
#include "aero/data/batch_sampler.h"
#include "aero/data/corpus.h"
#include "aero/model/decoder.h"
#include "aero/train/callback.h"
#include "aero/train/evaluation.h"
#include "aero/train/optimizer.h"
#include "aero/train/precision.h"
#include "aero/train/schedule.h"

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
  /// than one batch, a device that is not there, or durations that cannot be told in steps.
  Trainer(RunConfig config, data::Corpus corpus);

  /// Trains this decoder, as its weights are, on config.train.device: one with parts of one's own,
  /// say. config() then names them (model.own_parts). Throws UsageError also where config.model is
  /// not the decoder's.
  Trainer(RunConfig config, data::Corpus corpus, model::Decoder decoder);

  void add(std::unique_ptr<Callback> callback) { callbacks_.push_back(std::move(callback)); }

  /// Trains from where it stands to the end of train.duration, or until a callback stops it. An
  /// exception of a callback or of a step ends all callbacks with Outcome::failed and is thrown on.
  /// Throws UsageError, before any callback starts, where the decoder has other parts or parameters
  /// than the trainer was built with, or where one that was brought begins with some that are not
  /// finite.
  Outcome run();

  /// Ends the run after the present step.
  void stop(Outcome outcome) { outcome_ = outcome; }

  /// Tells all callbacks.
  void report(const Evaluation& evaluation);
  void report(const EntropyRecord& record);
  void report(const NonfiniteEvent& event);

  /// Optimizer steps done.
  std::int64_t step() const { return step_; }
  /// Steps done when run() began.
  std::int64_t first_step() const { return first_step_; }
  /// False where an exception came in the middle of an update, or a callback brought other parts:
  /// the weights are those of no step.
  bool is_whole() const { return is_whole_; }
  std::int64_t total_steps() const { return length_.total_steps; }
  /// A duration of this run in steps; 0 stays 0.
  std::int64_t to_steps(const Duration& duration) const;

  checkpoint::Checkpoint state() const;
  /// Goes on from a checkpoint. Throws UsageError that names the data where they differ, or where
  /// it lies beyond train.duration; Error that names the tensor where the model differs.
  void restore(const checkpoint::Checkpoint& checkpoint);
  /// Tells the state of the validation split that the run is evaluated on. Throws UsageError where
  /// the checkpoint that it goes on from tells of another.
  void note_held_out(const data::Corpus& corpus);
  /// Tells the state of the weights that the run begins with (checkpoint::weights_checksum).
  void note_warm_start(std::string crc32) { warm_start_crc32_ = std::move(crc32); }

  const RunConfig& config() const { return config_; }
  model::Decoder& decoder() { return decoder_; }
  const NamedParameters& parameters() const { return parameters_; }
  const data::Corpus& corpus() const { return corpus_; }
  const std::optional<Evaluation>& last_evaluation() const { return last_evaluation_; }
  /// The step of the last evaluation; 0 before the first.
  std::int64_t evaluated_step() const { return evaluated_step_; }
  /// The micro-batch whose gradients were added last.
  const data::Batch& last_batch() const { return last_batch_; }

 private:
  void start();
  void train();
  void require_trainable() const;
  StepRecord train_step();
  void update(const StepRecord& record);
  void finish(Outcome outcome);
  /// Scalars in float64 on the device, for which nobody has waited.
  struct StepLoss {
    torch::Tensor cross_entropy;
    torch::Tensor penalty;  // undefined without one
  };
  /// The micro-batches of a step, on their way to the device.
  struct StepBatches {
    std::int64_t first_sample = 0;
    std::vector<data::Batch> batches;
    std::vector<std::int64_t> targets;  // of each batch that are not ignored
  };

  void set_progress();
  /// Adds the gradients of all micro-batches; the mean loss.
  StepLoss accumulate_gradients();
  StepBatches fetch(std::int64_t first_sample);
  StepBatches take_batches();
  void fetch_ahead();
  std::int64_t samples_per_step() const;
  Verdict judge(const StepRecord& record);

  RunConfig config_;
  data::Corpus corpus_;
  std::string data_fingerprint_;
  std::string held_out_fingerprint_;  // empty: none is known
  std::string warm_start_crc32_;      // empty: with none
  data::BatchSampler sampler_;
  torch::Device device_;
  model::Decoder decoder_;
  bool is_brought_ = true;  // the decoder, whose weights may not be filled
  NamedParameters parameters_;
  Optimizer optimizer_;
  RunLength length_;
  Schedule schedule_;
  std::optional<LossScaler> scaler_;  // float16 alone
  std::vector<std::unique_ptr<Callback>> callbacks_;
  std::size_t started_callbacks_ = 0;

  std::int64_t step_ = 0;
  std::int64_t first_step_ = 0;
  bool is_whole_ = true;
  std::int64_t samples_seen_ = 0;
  std::optional<Outcome> outcome_;
  std::optional<Evaluation> last_evaluation_;
  std::int64_t evaluated_step_ = 0;
  data::Batch last_batch_;
  std::optional<StepBatches> fetched_;  // those of the next step
};

/// Copies weights into a decoder. Throws Error that names the tensors which are missing, unknown or
/// of another shape.
void load_weights(model::DecoderImpl& decoder, const checkpoint::TensorMap& weights);

}  // namespace aero::train
