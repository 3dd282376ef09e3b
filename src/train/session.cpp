#include "aero/train/session.h"

#include "aero/checkpoint/run_folder.h"
#include "aero/config/loader.h"
#include "aero/core/error.h"
#include "aero/core/file_lock.h"
#include "aero/core/files.h"
#include "aero/core/log.h"
#include "aero/core/text.h"
#include "aero/cost/flops.h"
#include "aero/ops/gemm_rate.h"
#include "aero/report/report.h"
#include "aero/runs/find_checkpoint.h"
#include "aero/train/checkpoint_writer.h"
#include "aero/train/console.h"
#include "aero/train/entropy_watch.h"
#include "aero/train/evaluator.h"
#include "aero/train/metrics_writer.h"
#include "aero/train/model_tokenizer.h"
#include "aero/train/nonfinite_guard.h"
#include "aero/train/open_corpus.h"
#include "aero/train/resume_point.h"
#include "aero/train/run_files.h"
#include "aero/train/signal_watch.h"
#include "aero/train/spike_watch.h"
#include "aero/train/trainer.h"
#include "aero/train/warm_start.h"

#include "ranks.h"

#include <ATen/Parallel.h>
#include <ATen/cpu/Utils.h>

namespace aero::train {
namespace {

checkpoint::RunFolder find_folder(const RunConfig& config) {
  if (config.run.folder.empty()) {
    throw UsageError("run.folder: \"\": name a folder for the run (--set run.folder=FOLDER)");
  }
  return checkpoint::RunFolder(config.run.folder);
}

void require_no_run(const checkpoint::RunFolder& folder) {
  if (!folder.holds_run()) return;
  throw UsageError(
      fmt::format("{}: already holds a run; go on with --resume, or name another folder with --set "
                  "run.folder=FOLDER",
                  folder.root().string()));
}

/// Makes a missing folder and locks it. Called only after all other checks.
FileLock make_and_lock(const checkpoint::RunFolder& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder.root(), error);
  if (error) {
    throw Error(fmt::format("cannot create '{}': {}", folder.root().string(), error.message()));
  }
  return lock_folder(folder.root());
}

/// Names the key by which a run asks for the validation split before its end; empty where none
/// does.
std::string key_that_asks_for_validation(const RunConfig& config) {
  if (config.eval.every.amount > 0) return "eval.every";
  if (config.entropy.every.amount > 0 && config.entropy.batches > 0) return "entropy.every";
  return "";
}

/// Opens the validation split. Returns nothing where the corpus has none and no key asks for it.
std::shared_ptr<const data::Corpus> open_held_out(const RunConfig& config) {
  std::shared_ptr<const data::Corpus> corpus;
  try {
    corpus = std::make_shared<const data::Corpus>(open_corpus(config, "val"));
  } catch (const data::MissingSplit& missing) {
    const auto key = key_that_asks_for_validation(config);
    if (key.empty()) return nullptr;
    throw UsageError(
        fmt::format("{}. {} asks for it: hold documents out (prepare_corpus.py --val-fraction), or "
                    "train without evaluation (--set eval.every=0 --set entropy.batches=0)",
                    missing.what(), key));
  }
  corpus->require_samples(1);
  return corpus;
}

/// Reads the name and content of the tokenizer's file. The run keeps it, so that its model can
/// generate text when the corpus is gone.
std::optional<std::pair<std::string, std::string>> tokenizer_file(const data::Corpus& corpus) {
  const auto& tokenizer = corpus.tokenizer();
  if (!tokenizer) return std::nullopt;
  return std::pair(tokenizer->path.filename().string(), read_file(tokenizer->path));
}

void write_run_files(RunFiles& files, const checkpoint::RunFolder& folder, const RunConfig& config,
                     const std::optional<std::pair<std::string, std::string>>& tokenizer) {
  files.write(folder.config_file(), [config] { return to_json(config); });
  if (tokenizer) {
    files.write(folder.root() / tokenizer->first,
                [content = tokenizer->second] { return content; });
  }
  files.write(folder.root() / "report.json",
              [config] { return report::to_json(report::make_report(config)); });
  files.write(folder.root() / "report.md",
              [config] { return report::to_markdown(report::make_report(config)); });
}

void open_log(const checkpoint::RunFolder& folder) {
  try {
    log::open_file(folder.log_file());
  } catch (const Error& error) {
    log::warn(fmt::format("{}; training goes on without it", error.what()));
  }
}

void warn_of_slow_precision(const RunConfig& config, torch::Device device) {
  if (config.train.dtype != Precision::bfloat16 || !device.is_cpu()) return;
  const auto features = at::cpu::get_cpu_capabilities();
  const auto has = [&](const char* name) {
    const auto found = features.find(name);
    return found != features.end() && found->second.toBool();
  };
  if (has("avx512_bf16") || has("amx_bf16")) return;
  log::warn(
      "train.dtype: bfloat16: this processor has no instructions for it; float32 may be faster");
}

/// Warns of embedding rows that no token of the corpus uses: they still cost memory, FLOPs and
/// bytes. Accepts a little padding, such as to a multiple of 128.
void warn_of_unused_vocabulary(const RunConfig& config, const data::Corpus& corpus) {
  const auto model = config.model.vocab_size;
  const auto used = corpus.vocab_size();
  const auto padded = (used + 127) / 128 * 128;
  if (used == 0 || 2 * model <= 3 * padded) return;
  log::warn(fmt::format(
      "model.vocab_size is {}, and the corpus {} uses {} tokens: the model never sees the "
      "others, but they take time and memory; set model.vocab_size to {} or a little above",
      model, config.data.path, used, used));
}

void check_tokenizer_of_warm_start(const RunConfig& config, const std::filesystem::path& source,
                                   const data::Corpus& corpus) {
  if (config.train.other_tokenizer) return;
  tokenizer::require_same(tokenizer_of_model(source), corpus.tokenizer_identity(),
                          "train.other_tokenizer=true");
}

void log_warm_start(const WarmStart& start) {
  const auto list = [](const std::vector<std::string>& names) {
    std::string text;
    for (const auto& name : names) text += " " + name;
    return text.empty() ? std::string(" none") : text;
  };
  log::info("warm start; begun anew:" + list(start.fresh));
  log::info("warm start; left out:" + list(start.unused));
}

/// Measures the GEMM peak, briefly, because the first step waits for it. Returns 0 where the console
/// shows nothing.
double peak_flops(const Trainer& trainer, torch::Device device) {
  if (log::verbosity() == Verbosity::quiet) return 0;
  const auto dtype = scalar_type(trainer.config().train.dtype);
  return ops::gemm_rate(dtype, device, device.is_cuda() ? 8192 : 2048, 0.15);
}

/// The files of a run, which rank 0 alone writes.
class RunOutput {
 public:
  explicit RunOutput(const RunConfig& config) : folder_(find_folder(config)) {}

  checkpoint::RunFolder& folder() { return folder_; }

  /// Refuses a folder in which this run must not write. Locks one that is there.
  void check(bool resume) {
    if (!resume) require_no_run(folder_);
    if (std::filesystem::exists(folder_.root())) lock_ = lock_folder(folder_.root());
  }

  void open(bool resume) {
    if (!lock_) lock_ = make_and_lock(folder_);
    if (!resume) require_no_run(folder_);  // another process may have trained one meanwhile
    folder_.hold(std::move(*lock_));
    folder_.prepare();
    open_log(folder_);
  }

 private:
  checkpoint::RunFolder folder_;
  std::optional<FileLock> lock_;
};

/// Gives the trainer the weights with which the run begins: of a checkpoint, or of a warm start.
std::optional<WarmStart> set_start(Trainer& trainer, ResumePoint& point) {
  const auto& config = trainer.config();
  if (point.checkpoint) {
    trainer.restore(*point.checkpoint);
    point.checkpoint.reset();  // its tensors take as much memory as the trainer's
    return std::nullopt;
  }
  if (config.train.warm_start.empty()) return std::nullopt;
  // Looks it up once: where that run still trains, its best checkpoint may change.
  const auto source = runs::find_checkpoint(config.train.warm_start);
  check_tokenizer_of_warm_start(config, source, trainer.corpus());
  auto start = warm_start(*trainer.decoder(), source);
  trainer.note_warm_start(checkpoint::weights_checksum(source));
  return start;
}

/// Adds what rank 0 alone does: all that writes files or to the terminal.
void add_writers(Trainer& trainer, const checkpoint::RunFolder& folder) {
  const auto flops = static_cast<double>(cost::training_flops_per_step(trainer.config()));
  trainer.add(std::make_unique<MetricsWriter>(folder));
  trainer.add(std::make_unique<SpikeWatch>(folder.metrics_file()));
  trainer.add(std::make_unique<Console>(flops, peak_flops(trainer, trainer.decoder()->device())));
}

Outcome train(const RunConfig& config, bool resume, SignalWatch& signals,
              const dist::Communicator& ranks) {
  const bool leads = ranks.leads();
  RunOutput output(config);
  if (leads) output.check(resume);
  std::shared_ptr<const data::Corpus> held_out;
  std::optional<data::Corpus> training;
  signals.let_through([&] {
    held_out = open_held_out(config);
    training = open_corpus(config, "train");
    require_own_tokenizer(config, *training);
  });
  auto point = resume && leads ? find_resume_point(output.folder(), config) : ResumePoint();
  Trainer trainer(config, std::move(*training), ranks);
  require_same_run(trainer, resume);
  const auto start = leads ? set_start(trainer, point) : std::nullopt;
  trainer.share_state();
  if (held_out) trainer.note_held_out(*held_out);
  const auto tokenizer = tokenizer_file(trainer.corpus());
  const auto pending = signals.pending_on_any(ranks, trainer.decoder()->device());
  if (pending) return *pending;  // nothing has begun

  trainer.add(std::make_unique<NonfiniteGuard>());
  std::unique_ptr<RunFiles> files;
  if (leads) {
    output.open(resume);
    set_aside(point, output.folder());
    files = std::make_unique<RunFiles>(output.folder());
    write_run_files(*files, output.folder(), config, tokenizer);
    if (start) log_warm_start(*start);
    warn_of_slow_precision(config, trainer.decoder()->device());
    warn_of_unused_vocabulary(config, trainer.corpus());
    if (trainer.is_sharded()) {
      log::info(fmt::format("this rank keeps {} bytes of moments", trainer.moment_bytes()));
    }
    add_writers(trainer, output.folder());
  }
  const auto proceed = [&signals] { return !signals.pending(); };
  if (held_out) {
    trainer.add(std::make_unique<EntropyWatch>(held_out, proceed));
    trainer.add(std::make_unique<Evaluator>(held_out, proceed));
  } else {
    log::info("the corpus has no validation split: the run has no evaluations");
  }
  if (leads) {
    trainer.add(std::make_unique<CheckpointWriter>(output.folder()));
    trainer.add(std::move(files));
  } else {
    trainer.add(std::make_unique<StateGiver>());
  }
  trainer.add(std::make_unique<StopOnSignal>(signals));
  const auto outcome = trainer.run();
  log::close_file();
  return outcome;
}

}  // namespace

Outcome run_session(const RunConfig& config, bool resume) {
  SignalWatch signals;
  if (config.train.threads > 0) at::set_num_threads(static_cast<int>(config.train.threads));
  set_arithmetic(config.train);
  auto own_config = config;
  dist::Communicator ranks;
  signals.let_through([&] { ranks = join_ranks(own_config); });
  try {
    return among_ranks(ranks, [&] { return train(own_config, resume, signals, ranks); });
  } catch (const dist::RankLost&) {
    // A launcher ends the other ranks by a signal, which must not come before the message.
    signals.pending();
    throw;
  }
}

}  // namespace aero::train
