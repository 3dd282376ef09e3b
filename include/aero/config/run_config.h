#pragma once

#include "aero/config/model_config.h"
#include "aero/core/duration.h"

#include <cstdint>
#include <string>

namespace aero {

enum class DataFormat { automatic, aero, nanogpt, llmc };
enum class Precision { float32, bfloat16, float16 };
enum class GradientSum { float32, bfloat16 };
enum class OnNonfinite { stop, skip, rewind };
enum class OptimizerKind { adamw, adam };
enum class ScheduleKind { linear, cosine, constant };

struct DataConfig {
  std::string path;  ///< folder of prepare_corpus.py, or one with train*.bin and val*.bin
  DataFormat format = DataFormat::automatic;
  bool verify = true;  ///< checksum and token range of every file before training

  bool operator==(const DataConfig&) const = default;
};

struct TrainConfig {
  Duration duration{1, DurationUnit::epochs};
  std::int64_t batch_size = 32;   ///< sequences of T tokens in one forward pass
  std::int64_t accumulation = 1;  ///< forward passes in one optimizer step
  Precision dtype = Precision::float32;
  std::string device = "auto";
  bool tf32 = false;           ///< float32 products on a GPU in TensorFloat-32
  bool deterministic = false;  ///< the same bits each time on one GPU and one build
  bool cuda_graphs = false;    ///< replay a step's passes on a GPU from a recording
  std::int64_t threads = 0;    ///< 0: LibTorch's own choice
  GradientSum gradient_sum = GradientSum::float32;  ///< precision in which ranks sum gradients
  bool shard_optimizer = false;                     ///< each rank keeps its share of the moments
  double clip = 1.0;                                ///< 0: no clipping
  OnNonfinite on_nonfinite = OnNonfinite::stop;
  std::int64_t rewinds = 3;      ///< how many there may be in a run
  std::string warm_start;        ///< run or checkpoint folder; empty: from initial weights
  bool other_tokenizer = false;  ///< whether the model's tokenizer may differ from the corpus's

  bool operator==(const TrainConfig&) const = default;
};

/// Which parameters weight decay touches, by kind.
struct DecayConfig {
  bool matrices = true;
  bool embeddings = true;
  bool norms = false;
  bool biases = false;
  bool slopes = false;        ///< of leaky ReLU
  bool scales = false;        ///< alpha and beta of ScFFN, gains of the simplified block
  bool gains = false;         ///< g of weight normalisation
  bool temperatures = false;  ///< of SM(t)
  bool thresholds = false;    ///< theta of EReg

  bool operator==(const DecayConfig&) const = default;
};

struct OptimizerConfig {
  OptimizerKind name = OptimizerKind::adamw;
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.1;
  DecayConfig decay;

  bool operator==(const OptimizerConfig&) const = default;
};

struct ScheduleConfig {
  ScheduleKind name = ScheduleKind::linear;
  Duration warmup{5, DurationUnit::percent};
  double final_lr = 1e-7;

  bool operator==(const ScheduleConfig&) const = default;
};

struct EvalConfig {
  Duration every{500, DurationUnit::steps};  ///< 0: only at the end
  std::int64_t batches = 0;                  ///< 0: the whole split
  std::int64_t batch_size = 0;               ///< 0: train.batch_size

  bool operator==(const EvalConfig&) const = default;
};

/// Statistics of the attention's entropy while training, on held-out data.
struct EntropyConfig {
  Duration every{500, DurationUnit::steps};  ///< 0: only at the end
  std::int64_t batches = 4;                  ///< of eval.batch_size contexts; 0: no statistics
  double collapse_below = 0.05;              ///< shares of the entropy of uniform causal attention
  double overload_above = 0.95;

  bool operator==(const EntropyConfig&) const = default;
};

struct CheckpointConfig {
  Duration every{500, DurationUnit::steps};  ///< 0: only at the end
  std::int64_t keep_last = 2;
  bool keep_best = true;
  bool at_start = false;   ///< also the initial weights, as step 0
  bool background = true;  ///< save while training goes on

  bool operator==(const CheckpointConfig&) const = default;
};

struct LogConfig {
  Duration every{10, DurationUnit::steps};

  bool operator==(const LogConfig&) const = default;
};

struct RunFolderConfig {
  std::string folder;  ///< empty: runs/<name of the config file>

  bool operator==(const RunFolderConfig&) const = default;
};

/// Everything that decides a training run.
struct RunConfig {
  std::int64_t seed = 1337;
  RunFolderConfig run;
  ModelConfig model;
  DataConfig data;
  TrainConfig train;
  OptimizerConfig optimizer;
  ScheduleConfig schedule;
  EvalConfig eval;
  EntropyConfig entropy;
  CheckpointConfig checkpoint;
  LogConfig log;

  /// The batch size of an evaluation: its own, or that of training.
  std::int64_t evaluation_batch() const {
    return eval.batch_size > 0 ? eval.batch_size : train.batch_size;
  }

  std::int64_t tokens_per_step() const {
    return train.batch_size * train.accumulation * model.context;
  }

  bool operator==(const RunConfig&) const = default;
};

}  // namespace aero
